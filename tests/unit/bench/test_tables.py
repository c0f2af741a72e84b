import pytest

from bench.errors import BenchFailed
from bench.load import LOADS, Window
from bench.places import PAGE, README, RESULTS
from bench.publication import BEGIN, END, NOTHING_KEPT, kept_results, replace_section
from bench.results import LoadFigures, Machine, Results, ServerFigures
from bench.tables import comparison, full_page, readme_section, table
from bench.targets import judge_targets

MACHINE = Machine(
    cpu="Testium", cores=2, memory_gib=23.6, system="Linux", date="2026-01-02", commit="abc", versions={}
)


def figures(cpu_us, p99_ms=20.0, failed=0):
    loads = {load.name: LoadFigures() for load in LOADS}
    for found in loads.values():
        for others in (0.01, 0.02):
            found.add(Window(1e6 / cpu_us, 1.0, p99_ms, cpu_us, failed, others))
    return ServerFigures(start_seconds=[4.5, 5.5], memory_mib=200.0, answers=4098, loads=loads)


@pytest.fixture
def results():
    servers = {"davit-native": figures(100.0), "fastapi": figures(2000.0, p99_ms=800.0)}
    return Results(
        machine=MACHINE,
        rounds={"iris": 2},
        models={"iris": servers},
        workers_mib={1: 200.0, 2: 290.0, 3: 360.0},
    )


def test_a_table_is_markdown():
    assert table(["", "c"], [["a", "b"]]) == "|  | c |\n|---|---|\n| a | b |"


def test_ratios_are_relative_to_the_base(results):
    davit, base = comparison(results, "iris").splitlines()[2:]
    assert davit.startswith("| **Davit**, native plan | 20.0 × |")
    assert "| 1 × |" in base


def test_targets_are_compared_with_medians(results):
    verdicts = {target.title: target.reached for target in judge_targets(results)}
    ratio = "CPU time per request, plain FastAPI ÷ Davit"
    assert verdicts[f"native plan, 16 at a time: {ratio}"]
    assert not verdicts[f"native plan, 64 at a time: {ratio}"]
    assert not verdicts["memory that worker 2 adds"]
    assert verdicts["memory that worker 3 adds"]


def test_a_latency_above_its_target_is_missed(results):
    results.models["iris"]["davit-native"] = figures(100.0, p99_ms=25.1)
    missed = [target.title for target in judge_targets(results) if not target.reached]
    assert "native plan, 64 at a time: p99" in missed


def test_without_the_base_there_is_no_ratio(results):
    del results.models["iris"]["fastapi"]
    assert not any("÷" in target.title for target in judge_targets(results))
    assert "– ×" in comparison(results, "iris")


def test_the_section_names_the_machine_and_the_rounds(results):
    section = readme_section(results)
    assert "2026-01-02 on a machine with 2 cores (Testium) and 24 GiB" in section
    assert "2 rounds" in section


def test_the_full_page_lists_all_targets_including_missed_ones(results):
    aims = judge_targets(results)
    page = full_page(results)
    assert all(f"| {aim.title} | {aim.wanted} | {aim.measured} |" in page for aim in aims)
    assert page.count("**missed**") == sum(not aim.reached for aim in aims) > 0
    assert "**missed**" not in readme_section(results)


def test_the_section_shows_mlserver_where_it_is_fastest(results):
    results.models["iris"] |= {"mlserver": figures(5000.0), "mlserver-batch": figures(1000.0)}
    assert "| MLServer, batching" in readme_section(results)
    assert "| MLServer |" not in readme_section(results)
    assert "| MLServer |" in comparison(results, "iris")


def test_the_kept_section_has_a_table_of_six_rows():
    section = readme_section(kept_results())
    assert len([line for line in section.splitlines() if line.startswith("| ")]) == 1 + 6


def test_failed_requests_are_reported(results):
    assert "failed" not in full_page(results)
    results.models["iris"]["fastapi"] = figures(2000.0, failed=3)
    assert "**6 failed**" in full_page(results)


def test_a_disturbed_machine_is_reported(results):
    assert "not quiet" not in full_page(results)
    assert "Other programs used" not in readme_section(results)
    for load in results.models["iris"]["fastapi"].loads.values():
        load.others_cpu = [0.9, 0.9]
    for load in results.models["iris"]["davit-native"].loads.values():
        load.others_cpu = [0.9, 0.9]
    assert "**not quiet**" in full_page(results)
    assert "**not quiet**" in readme_section(results)


def test_results_are_read_as_they_were_written(results, tmp_path):
    file = tmp_path / "results" / "run.json"
    results.write(file)
    assert Results.read(file) == results
    assert '"p99_ms": [20.0, 20.0]' in file.read_text()


def test_a_section_replaces_the_one_before(tmp_path):
    text = f"head\n{BEGIN}\nold\n{END}\ntail\n"
    assert replace_section(text, "new", tmp_path) == f"head\n{BEGIN}\nnew\n{END}\ntail\n"


def test_a_document_without_the_markers_is_refused(tmp_path):
    with pytest.raises(BenchFailed, match="lacks the lines"):
        replace_section("nothing here", "new", tmp_path / "README.md")


def test_without_figures_there_is_nothing_to_publish(tmp_path):
    with pytest.raises(BenchFailed, match="run the complete bench first"):
        kept_results(tmp_path / "latest.json")


def test_the_documents_show_the_stored_figures():
    section = readme_section(kept_results()) if RESULTS.exists() else NOTHING_KEPT
    text = README.read_text()
    assert replace_section(text, section, README) == text
    assert not RESULTS.exists() or full_page(kept_results()) == PAGE.read_text()
