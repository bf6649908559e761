"""The readers of counters, against counters that a test makes."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from darksieve.diagnostics import counters
from darksieve.diagnostics.counters import Meter, PackageCounter, read_gpus, used_gpus

RANGE = 1_000_000_000


class Machine:
    """Counter files of a machine with two packages, a core domain in one of them, and a platform domain."""

    def __init__(self, folder):
        self.powercap, self.processor_times = folder / "powercap", folder / "stat"
        for name, domain in {
            "intel-rapl": None, "intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:1": "package-1",
            "intel-rapl:2": "psys", "intel-rapl-mmio:0": "package-0",
        }.items():  # fmt: skip
            (self.powercap / name).mkdir(parents=True)
            if domain:
                (self.powercap / name / "name").write_text(f"{domain}\n")
                (self.powercap / name / "max_energy_range_uj").write_text(f"{RANGE}\n")
                self.set(name, 500)
        self.set_busy_ticks(0)

    def set(self, name, microjoules):
        """As the kernel does: a reader beside it, the counter's own thread, never sees an empty file."""
        written = self.powercap / "written"
        written.write_text(f"{microjoules}\n")
        written.replace(self.powercap / name / "energy_uj")

    def set_busy_ticks(self, ticks):
        """In all of user, nice, system, interrupts and soft interrupts, beside much idling and stolen time."""
        self.processor_times.write_text(f"cpu  {ticks} 0 0 999999 999999 0 0 999999 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_packages_are_added_and_no_other_domain_is(machine):
    counter = PackageCounter(machine.powercap)
    for name, microjoules in {"intel-rapl:0": 3_000_500, "intel-rapl:1": 4_000_500}.items():
        machine.set(name, microjoules)
    for name in ("intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"):
        machine.set(name, 900_000_000)
    assert counter.joules() == pytest.approx(7.0)


def test_counter_that_wraps_around_again_and_again_goes_on(machine):
    counter = PackageCounter(machine.powercap)
    for reading in (900_000_500, 100_000_500, 900_000_500, 100_000_500):
        machine.set("intel-rapl:0", reading)
        joules = counter.joules()
    assert joules == pytest.approx(2.1e-6 * RANGE)


def test_counter_is_read_in_the_background_so_that_no_wrapping_is_missed(machine, monkeypatch):
    readings, read = iter((900_000_500, 500)), threading.Event()

    def sleep(seconds):
        assert 1000 * seconds < 262_144  # W s: the range of an Intel counter, 2^32 times 61 microjoule
        reading = next(readings, None)
        if reading is None:
            read.set()
            threading.Event().wait()
        machine.set("intel-rapl:0", reading)

    monkeypatch.setattr(counters, "time", SimpleNamespace(sleep=sleep))
    counter = PackageCounter(machine.powercap)
    assert read.wait(timeout=30)
    assert counter.joules() == pytest.approx(1e-6 * RANGE)


@pytest.mark.parametrize("fault", ["no powercap", "unreadable", "no number"])
def test_without_counters_there_is_no_measurement(machine, fault, tmp_path):
    if fault == "unreadable":
        (machine.powercap / "intel-rapl:1" / "energy_uj").unlink()
    elif fault == "no number":
        (machine.powercap / "intel-rapl:1" / "energy_uj").write_text("?")
    powercap = tmp_path / "nowhere" if fault == "no powercap" else machine.powercap
    assert PackageCounter(powercap).joules() is None
    assert Meter(powercap, machine.processor_times).read().cpu_joules is None


def test_process_is_given_its_share_of_the_packages(machine, monkeypatch):
    monkeypatch.setattr(counters, "_cpu_seconds", lambda: 3.0)
    meter = Meter(machine.powercap, machine.processor_times)
    monkeypatch.setattr(counters, "_cpu_seconds", lambda: 5.0)
    machine.set("intel-rapl:0", 80_000_500)
    machine.set_busy_ticks(8 * counters.os.sysconf("SC_CLK_TCK"))
    assert meter.read().cpu_joules == pytest.approx(5.0 / 8.0 * 80)


def test_share_is_at_most_the_whole_where_the_machine_counts_coarsely(machine, monkeypatch):
    monkeypatch.setattr(counters, "_cpu_seconds", lambda: 0.0)
    meter = Meter(machine.powercap, machine.processor_times)
    monkeypatch.setattr(counters, "_cpu_seconds", lambda: 2.0)
    machine.set("intel-rapl:0", 80_000_500)
    assert meter.read().cpu_joules == pytest.approx(80)


class NvmlError(Exception):
    """What a fake nvidia-ml-py raises."""


def fake_nvml(millijoules, *, driver=True):
    """An nvidia-ml-py of one GPU that counts energy and one that does not."""

    def init():
        if not driver:
            raise NvmlError

    def energy(number):
        if number == 1:
            raise NvmlError
        return millijoules[0]

    return SimpleNamespace(
        NVMLError=NvmlError,
        nvmlInit=init,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetUUID=lambda number: f"GPU-{number}",
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )


def fake_torch(used):
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 2,
        max_memory_allocated=lambda number: 1024 if number in used else 0,
        get_device_properties=lambda number: SimpleNamespace(uuid=number),
    )
    return SimpleNamespace(cuda=cuda)


def test_gpus_that_count_energy_are_read_and_others_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml([5000]))
    assert read_gpus() == {"GPU-0": 5.0}


def test_module_without_a_driver_reads_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml([0], driver=False))
    assert read_gpus() == {}


def test_without_the_module_nothing_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert read_gpus() == {}


@pytest.mark.parametrize(("used", "joules"), [([], None), ([0], 2.5), ([1], None), ([0, 1], None)])
def test_energy_is_that_of_the_gpus_used_if_all_of_them_count_it(machine, monkeypatch, used, joules):
    millijoules = [5000]
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml(millijoules))
    meter = Meter(machine.powercap, machine.processor_times)
    monkeypatch.setitem(sys.modules, "torch", fake_torch(used))
    millijoules[0] += 2500
    cost = meter.read()
    assert used_gpus() == [f"GPU-{number}" for number in used]
    assert cost.gpu_joules == joules
    assert cost.gpu_seconds == pytest.approx(len(used) * cost.wall_seconds)


def test_process_that_has_not_touched_a_gpu_uses_none(monkeypatch):
    torch = fake_torch([0])
    torch.cuda.is_initialized = lambda: False
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert used_gpus() == []


def test_start_of_the_interpreter_counts():
    code = (
        "import time\nwhile time.process_time() < 0.4: pass\n"
        "from darksieve.diagnostics.counters import Meter\ncost = Meter().read()\n"
        "print(cost.wall_seconds, cost.cpu_seconds)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    wall, cpu = map(float, run.stdout.split())
    assert 0.4 <= wall < 5
    assert 0.4 <= cpu < 5
