"""What is shown of a row: its text without cuts and without personal data, in whatever way the two meet."""

import pyarrow as pa

from aigc_data import render
from aigc_data.columns import SPAN
from aigc_data.recipe import PiiMeasure, ReleaseParams
from aigc_data.text.dedupe.cuts import CUT
from aigc_data.text.pii import find_spans


def rows(texts, cuts):
    column = pa.array(texts, pa.large_string())
    spans, _ = find_spans(column)
    kinds = [[{"kind": "line", "start": a, "end": b} for a, b in row] for row in cuts]
    assert spans.type == pa.list_(SPAN)
    return pa.table({"clean.text": column, "dedupe.cuts": pa.array(kinds, pa.list_(CUT)), "pii.spans": spans})


def shown(texts, cuts, **actions):
    params = ReleaseParams.model_validate({"actions": actions} if actions else {})
    return render.render_texts(rows(texts, cuts), PiiMeasure(), params).to_pylist()


def test_render_texts__takes_cuts_out_and_hides_what_is_left_of_personal_data():
    mail = "Mail an.example.person@mail.example.org now"
    phone = "首页\n电话13812345678，谢谢"
    assert shown([mail, phone], [[], []]) == ["Mail [EMAIL] now", "首页\n电话[PHONE]，谢谢"]
    assert shown([mail, phone], [[(0, 5)], [(0, 3)]]) == ["[EMAIL] now", "电话[PHONE]，谢谢"]
    assert shown([mail, phone], [[(0, 12)], [(0, 9)]]) == ["[EMAIL] now", "[PHONE]，谢谢"]
    assert shown([mail, phone], [[(5, 39)], [(3, 19)]]) == ["Mail  now", "首页\n"]
    assert shown([mail, phone], [[(0, len(mail))], [(0, len(phone))]]) == ["", ""]


def test_render_texts__searches_again_what_a_cut_brought_together():
    english = "Write to someone@\nprint this page\nexample.org today"
    chinese = "电话：138\n返回首页\n12345678。"
    assert shown([english, chinese], [[], []]) == [english, chinese]
    joined = shown([english, chinese], [[(17, 34)], [(6, 12)]])
    assert joined == ["Write to [EMAIL] today", "电话：[PHONE]。"]


def test_render_texts__without_cuts_and_spans_copies_nothing():
    table = rows(["一", "two"], [[], []])
    same = render.render_texts(table, PiiMeasure(), ReleaseParams())
    assert same.buffers()[2].address == table["clean.text"].chunk(0).buffers()[2].address
