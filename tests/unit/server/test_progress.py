"""A load that hangs is never without a line in the log."""

import threading

from davit_server.inference.progress import LoadProgress


def hang(progress: LoadProgress, end: threading.Event) -> None:
    with progress.watched():
        end.wait(60)


def test_the_log_says_again_and_again_where_the_load_stands(caplog):
    progress, end = LoadProgress(interval_seconds=0.01), threading.Event()
    loading = threading.Thread(target=hang, args=(progress, end))
    loading.start()
    while len(caplog.records) < 3 or "(hang)" not in caplog.records[-1].fields["at"]:
        assert loading.is_alive(), "reported while it lasts"
    end.set()
    loading.join()
    fields = caplog.records[-1].fields
    assert fields["stage"] == "load"
    assert "threading.py" in fields["at"].split("; called by ")[0], "the innermost call comes first"
    assert f"{__file__}:" in fields["at"]
    assert "still loading after" in caplog.records[0].getMessage()


def test_a_load_that_has_ended_is_not_reported(caplog):
    with LoadProgress(interval_seconds=3600).watched():
        assert any(thread.name == "load-progress" for thread in threading.enumerate())
    assert not any(thread.name == "load-progress" for thread in threading.enumerate())
    assert caplog.records == []


def test_ended_before_the_first_report_nothing_is_wrong():
    progress = LoadProgress(interval_seconds=3600)
    with progress.watched():
        assert progress.unfinished() is None


def test_ended_after_a_report_the_place_is_named(caplog):
    progress, end = LoadProgress(interval_seconds=0.01), threading.Event()
    progress.stage = "smoke-test"
    loading = threading.Thread(target=hang, args=(progress, end))
    loading.start()
    while not caplog.records or "(hang)" not in caplog.records[-1].fields["at"]:
        assert loading.is_alive(), "reported while it lasts"
    late = progress.unfinished()
    end.set()
    loading.join()
    assert (late.stage, late.reason) == ("smoke-test", "LoadingTookTooLong")
    assert "threading.py:" in late.cause
