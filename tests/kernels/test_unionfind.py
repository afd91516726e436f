import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_data.kernels.unionfind import smallest_of_component


def components(n, edges):
    left, right = (np.array([e[k] for e in edges], np.int64) for k in (0, 1))
    return smallest_of_component(n, left, right).tolist()


def plain(n, edges):
    label = list(range(n))
    for _ in range(n):
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    return label


@settings(deadline=None)
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_smallest_of_component__equals_the_plain_fixpoint(case):
    assert components(*case) == plain(*case)


def test_smallest_of_component__of_a_long_chain_in_either_direction():
    chain = [(i, i + 1) for i in range(50_000)]
    assert components(50_001, chain) == [0] * 50_001
    assert components(50_001, [(b, a) for a, b in reversed(chain)]) == [0] * 50_001


def test_smallest_of_component__without_edges_or_nodes():
    assert components(3, []) == [0, 1, 2]
    assert components(0, []) == []
