import numpy as np
import pyarrow as pa
from py3langid.langid import LanguageIdentifier

from aigc_data.text.arrow import text_buffers
from aigc_data.text.language import model as language_model
from aigc_data.text.language import vote as language_vote
from aigc_data.text.language.scripts import SCRIPTS
from aigc_data.text.language.vote import weigh
from aigc_data.text.language.weights import FIRST_ONLY, LANGUAGES, PLACE, RENAMED, SECOND_ONLY, UND, written


def test_languages__are_those_of_the_models() -> None:
    first = {name for place, *_ in language_model._model()[1] for name in [LANGUAGES[place]]}
    package = LanguageIdentifier.from_model_file("data/model.npz.xz")
    second = {of for name in package.nb_classes for of in RENAMED.get(name, (name,))} - {"zxx"}
    names = np.array(LANGUAGES[:-1])
    assert first == set(names[~SECOND_ONLY])
    assert second == set(names[~FIRST_ONLY])
    assert written().any(axis=0).all()  # every language has a script
    assert not written()[SCRIPTS.index("Latn"), PLACE["ru"]]


def test_log_probabilities__of_both_voters_sum_to_one() -> None:
    data, offsets = text_buffers(pa.array(["Where is the train station?", "Gdje je kolodvor, molim?"]))
    second = np.exp(language_vote.log_probabilities(data, offsets))
    assert np.allclose(second.sum(axis=1), 1, atol=0.02)  # what is missing is no language
    first, _ = language_model.log_probabilities(data, offsets)
    assert LANGUAGES[first[0].argmax()] == "en"
    assert first.min() == np.float32(language_model.FLOOR)


def test_weigh__both_must_make_sense_of_it() -> None:
    rows, lengths = np.full((4, UND), language_model.FLOOR, np.float32), np.array([60, 60, 60, 60])
    first, second = rows.copy(), np.full((4, UND), -20, np.float32)
    de, nl, ceb, ru = PLACE["de"], PLACE["nl"], PLACE["ceb"], PLACE["ru"]
    first[0, de] = second[0, de] = -0.1  # they agree
    first[1, nl], second[1, de] = -0.1, -0.01  # py3langid weighs more
    first[2, ceb], second[2, nl] = -0.01, -6  # only lid.176 knows Cebuano
    first[3, ru] = second[3, ru] = -0.1
    allowed = np.tile(written()[SCRIPTS.index("Latn")], (4, 1))
    likely = weigh(first, second, lengths, allowed)
    assert [LANGUAGES[i] for i in likely.argmax(axis=1)[:3]] == ["de", "de", "ceb"]
    assert likely[3, ru] == 0  # not in Latin letters
    assert np.allclose(likely.sum(axis=1), 1, atol=1e-5)
    assert not weigh(first, second, lengths, np.zeros_like(allowed)).any()
