"""The ledger's sums: every joule is counted once, and no estimate passes for a measurement."""

import pytest

from darksieve.diagnostics.energy import Cost, Job, Power, account, ledger, overhead

POWER = Power(watts_per_core=10.0, watts_per_gpu=100.0)


def job(rule, name, cpu_seconds, gpu_seconds=0.0, peak=1.0, cpu_joules=None, gpu_joules=None):
    return Job(rule, name, Cost(2 * cpu_seconds, cpu_seconds, gpu_seconds, peak, cpu_joules, gpu_joules))


JOBS = [
    job("declare", "declare", 1),
    job("observe", "observe", 2),
    job("plan", "round-1", 4),
    job("simulate", "round-1-shard-0", 8),
    job("simulate", "round-1-shard-1", 16, peak=3.0),
    job("train", "round-1", 32),
    job("truncate", "round-1", 64),
    job("simulate", "round-2-shard-0", 128),
    job("train", "round-2", 256),
    job("sample", "sample", 512),
    job("plan", "test", 1024),
    job("simulate", "test-shard-0", 2048),
    job("calibrate", "calibrate", 4096),
    job("refer", "nuts", 8192),
]


def kwh(cpu_seconds):
    return pytest.approx(cpu_seconds * 10.0 / 3.6e6, rel=1e-12)


def test_every_job_is_in_one_part_and_the_parts_make_the_total():
    record = account(JOBS, POWER)
    assert record["posterior"]["kwh"] == kwh(1023)
    assert record["posterior"]["jobs"] == 10
    assert record["diagnostics"]["kwh"] == kwh(1024 + 2048 + 4096)
    assert record["total"]["kwh"] == kwh(16383)
    assert record["total"]["wall_seconds"] == 2 * 16383
    assert record["posterior"]["peak_memory_gb"] == 3.0


def test_stages_and_rounds():
    record = account(JOBS, POWER)["posterior"]
    assert {name: stage["kwh"] for name, stage in record["stages"].items()} == {
        "declare": kwh(1), "observe": kwh(2), "plan": kwh(4), "simulate": kwh(8 + 16 + 128), "train": kwh(32 + 256),
        "truncate": kwh(64), "sample": kwh(512),
    }  # fmt: skip
    assert {name: total["kwh"] for name, total in record["rounds"].items()} == {"1": kwh(124), "2": kwh(384)}
    assert record["rounds"]["2"]["stages"]["train"]["kwh"] == kwh(256)


def test_further_observation_saves_the_simulations_and_inside_the_box_the_training():
    further = account(JOBS, POWER)["additional_observation"]
    assert further["first_round_reused"]["kwh"] == kwh(1023 - 8 - 16)
    assert further["all_rounds_reused"]["kwh"] == kwh(1023 - 8 - 16 - 128)
    assert further["same_estimator"]["kwh"] == kwh(2 + 512)


def test_reference_method_pays_for_its_observation_and_for_nothing_of_the_rounds():
    assert account(JOBS, POWER)["reference"] == {"nuts": account([*JOBS[:2], JOBS[-1]], POWER)["total"]}


@pytest.mark.parametrize(
    ("given", "joules", "measured", "method"),
    [
        ({}, 20.0, 0.0, "estimated"),
        ({"cpu_joules": 7.0}, 7.0, 7.0, "measured: RAPL"),
        ({"gpu_seconds": 3.0}, 320.0, 0.0, "estimated"),
        ({"gpu_seconds": 3.0, "gpu_joules": 50.0}, 70.0, 50.0, "partly estimated: NVML"),
        ({"gpu_seconds": 3.0, "cpu_joules": 7.0}, 307.0, 7.0, "partly estimated: RAPL"),
        ({"gpu_seconds": 3.0, "cpu_joules": 7.0, "gpu_joules": 50.0}, 57.0, 57.0, "measured: RAPL and NVML"),
    ],
)
def test_counters_go_before_estimates_and_the_method_says_which(given, joules, measured, method):
    jobs = [job("train", "round-1", 2.0, **given)]
    (row,) = ledger(jobs, POWER)
    assert row["kwh"] == pytest.approx(joules / 3.6e6)
    assert row["method"] == method
    total = account(jobs, POWER)["total"]
    assert total["kwh_measured"] == pytest.approx(measured / 3.6e6)
    assert total["method"] == method.partition(":")[0]


def test_sum_of_measured_and_estimated_jobs_is_partly_estimated():
    jobs = [job("train", "round-1", 1, cpu_joules=5.0), job("sample", "sample", 1)]
    assert account(jobs, POWER)["total"]["method"] == "partly estimated"


def test_row_names_the_shard():
    (row,) = ledger([JOBS[4]], POWER)
    assert (row["rule"], row["what"]) == ("simulate", "round-1 shard 1")


def timed(rule, name, start, end):
    return Job(rule, name, Cost(end - start, 1.0, 0.0, 1.0, None, None), ended=1e9 + end)


def test_overhead_is_the_time_in_which_nothing_is_simulated_trained_or_diagnosed():
    jobs = [
        timed("plan", "round-1", 0, 2),
        timed("simulate", "round-1-shard-0", 3, 13),  # side by side: the time counts once
        timed("simulate", "round-1-shard-1", 4, 10),
        timed("train", "round-1", 14, 44),
        timed("sample", "sample", 44, 46),
        timed("calibrate", "calibrate", 45, 50),
    ]
    found = overhead(jobs)
    assert found["wall_seconds"] == pytest.approx(50)
    assert found["share"] == pytest.approx((3 + 1 + 1) / 50)


def test_night_between_two_sittings_is_no_overhead():
    jobs = [timed("simulate", "round-1-shard-0", 0, 10), timed("train", "round-1", 30_000, 30_010)]
    assert overhead(jobs) == {"wall_seconds": pytest.approx(20), "share": pytest.approx(0)}


def test_overhead_is_not_guessed_where_a_job_left_no_time():
    assert overhead([timed("train", "round-1", 0, 10), job("sample", "sample", 1)]) is None
