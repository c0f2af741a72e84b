import os

from bench.processes import Process, cpu_seconds, descendants, parse_busy, parse_pss, parse_stat, pss_mib

STAT = "4242 (odd ) name) S 17 4242 4242 0 -1 4194304 9 8 0 0 150 50 20 5 20 0 9 0 123 456 789"


def test_cpu_time_counts_user_system_and_children_that_have_ended():
    assert parse_stat(STAT, ticks=100) == Process(
        pid=4242, parent=17, group=4242, ended=False, cpu_seconds=2.25
    )


def test_a_process_may_have_brackets_in_its_name():
    assert parse_stat(STAT).parent == 17


def test_memory_counts_a_proportional_share_of_shared_pages():
    text = "00400000-7fff [rollup]\nRss:  2048 kB\nPss:  1024 kB\nPss_Dirty: 512 kB\nShared_Clean: 7 kB\n"
    assert parse_pss(text) == 1024 * 1024


def test_a_kernel_thread_has_no_memory():
    assert parse_pss("") == 0


def test_iowait_counts_as_idle_and_stolen_time_as_busy():
    # user nice system idle iowait irq softirq steal guest
    assert parse_busy("cpu  100 10 50 5000 700 1 2 37 99\ncpu0 1 2 3", ticks=100) == 2.0


def test_a_process_tree_has_exactly_its_descendants():
    parents = {1: 0, 5: 1, 7: 5, 9: 7, 8: 1}
    family = [Process(pid, parent, 1, ended=False, cpu_seconds=0) for pid, parent in parents.items()]
    assert [process.pid for process in descendants(5, family)] == [5, 7, 9]


def test_this_process_has_used_time_and_memory():
    assert cpu_seconds(os.getpid()) > 0
    assert pss_mib(os.getpid()) > 1
