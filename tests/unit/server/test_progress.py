"""A load that hangs is never without a line in the log."""

import threading

from davit_server.inference.progress import LoadProgress


def hang(progress: LoadProgress, end: threading.Event) -> None:
    with progress.watched():
        end.wait(60)


def test_the_log_reports_the_progress_of_a_long_load_periodically(caplog):
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


def test_a_load_that_ends_before_the_first_report_is_not_reported():
    progress = LoadProgress(interval_seconds=3600)
    with progress.watched():
        assert progress.unfinished() is None


def test_the_position_is_named_when_a_reported_load_ends(caplog):
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
