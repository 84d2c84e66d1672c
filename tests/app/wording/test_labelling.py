from app.services.labels.labelling import Progress
from app.wording.labelling import label_progress, nothing_to_label

PROGRESS = Progress(by_me=13, by_me_today=4, by_all=31, num_open=27, num_skipped=0, position=14)


def test_progress_tells_where_one_is_and_who_has_done_what() -> None:
    line = label_progress(PROGRESS, has_pair=True)
    assert line == ("**Pair 14** · 26 left · you have labelled 4 today, 13 in all · everyone 31")


def test_an_empty_queue_says_what_to_do_next() -> None:
    done = Progress(by_me=40, by_me_today=40, by_all=40, num_open=0, num_skipped=0, position=41)
    assert "All 40 pairs are labelled" in nothing_to_label(done)
    none = Progress(by_me=0, by_me_today=0, by_all=0, num_open=0, num_skipped=0, position=1)
    assert "no pair to label yet" in nothing_to_label(none)
    skipped = Progress(by_me=2, by_me_today=2, by_all=2, num_open=0, num_skipped=3, position=3)
    assert "3 pairs" in nothing_to_label(skipped)
