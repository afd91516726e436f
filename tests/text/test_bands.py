import numpy as np
import pytest

from aigc_data.errors import RecipeError
from aigc_data.recipe import DedupeMeasure
from aigc_data.text.dedupe.bands import Bands, band_curve, choose_bands, plan


def test_plan__of_the_default_recipe_reaches_its_recall():
    link, group = plan(DedupeMeasure())
    assert link[:2] == (17, 7)
    assert link.recall == pytest.approx(1 - (1 - 0.8**7) ** 17)
    assert link.recall >= 0.98
    assert group[:2] == (30, 4)
    assert group.recall == pytest.approx(1 - (1 - 0.5**4) ** 30)
    assert group.recall >= 0.85


@pytest.mark.parametrize("threshold", [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("recall", [0.5, 0.9, 0.98])
def test_choose_bands__takes_the_fewest_false_candidates_of_all_that_reach_the_recall(threshold, recall):
    chosen = choose_bands(threshold, recall, 128)
    below = (np.arange(1000) + 0.5) / 1000 * threshold
    every = [(b, r) for r in range(1, 129) for b in range(1, 128 // r + 1)]
    able = [br for br in every if band_curve(*br, threshold) >= recall]
    assert chosen.bands * chosen.rows <= 128
    assert chosen[:2] == min(able, key=lambda br: band_curve(*br, below).mean())


def test_choose_bands__at_the_ends_of_the_scale():
    assert choose_bands(1.0, 1.0, 128) == Bands(1, 128, 1.0)
    assert choose_bands(0.0, 0.5, 128) is None
    assert choose_bands(0.8, 1.0, 128) is None
    assert choose_bands(0.5, 0.0, 128).bands == 1


def test_band_curve__rises_from_zero_to_one():
    curve = band_curve(17, 7)
    assert len(curve) == 21
    assert (curve[0], curve[-1]) == (0.0, 1.0)
    assert (np.diff(curve) >= 0).all()
    assert band_curve(1, 1, 0.3) == pytest.approx(0.3)


def test_plan__says_which_recall_is_out_of_reach():
    with pytest.raises(RecipeError, match=r"recall 0.999 at threshold 0.1 is out of reach with 16 permutations"):
        plan(DedupeMeasure(threshold=0.1, group_threshold=0.1, recall=0.999, permutations=16))


def test_plan__states_the_recall_that_the_group_bands_do_reach():
    group = plan(DedupeMeasure(group_threshold=0.05, permutations=16))[1]
    assert group[:2] == (16, 1)
    assert group.recall == pytest.approx(1 - 0.95**16)


def test_dedupe_measure__refuses_groups_stricter_than_clusters():
    with pytest.raises(ValueError, match="groups must be looser than clusters"):
        DedupeMeasure(threshold=0.6, group_threshold=0.7)
