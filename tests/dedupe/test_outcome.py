import numpy as np

from aigc_data.dedupe.index import Index
from aigc_data.dedupe.outcome import best_published
from aigc_data.dedupe.verification import JACCARD, Verdicts


def verdicts(*rows):
    pairs = np.array([a << 32 | b for a, b, _ in rows], np.uint64)
    return Verdicts(pairs, np.array([s for *_, s in rows], np.float32), np.full(len(rows), JACCARD, np.uint8))


def test_best_published__takes_the_most_similar_then_the_first_and_shares_it_with_copies(tmp_path):
    index = Index(tmp_path, (), own=4, references=3, link_bands=1, group_bands=1, permutations=16)
    found = verdicts((0, 4, 0.95), (0, 5, 0.85), (0, 6, 0.9), (1, 6, 0.9), (1, 5, 0.9))
    place, similarity = best_published(index, found, first=np.array([0, 1, 0, 3], np.uint32))
    assert place.tolist() == [0, 1, 0, -1]
    assert similarity.round(2).tolist() == [np.float32(0.95), np.float32(0.9), np.float32(0.95), 0]
