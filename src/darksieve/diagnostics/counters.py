"""Counters of the machine: time, memory and energy of this process and its children since it started.

RAPL counts the energy of whole CPU packages: a process is given the share that its CPU seconds have in those of all
processes. NVML counts that of whole GPUs: a process is given all of those that it used.

codecarbon (3.3.2) is not used for this: on a machine without RAPL it started in two seconds a job, where a light verb
takes half of one, and it brings some thirty packages.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from darksieve.diagnostics.energy import Cost

__all__ = ["Meter", "PackageCounter", "read_gpus", "used_gpus"]

POWERCAP = Path("/sys/class/powercap")
PROCESSOR_TIMES = Path("/proc/stat")
SECONDS_BETWEEN_READINGS = 60.0  # a counter of 2^32 times 61 microjoule wraps after four minutes at 1 kW


class Meter:
    """What this process costs; made when its work begins.

    The start of the interpreter before that counts with its CPU time, since it does nothing but compute.
    """

    def __init__(self, powercap: Path = POWERCAP, processor_times: Path = PROCESSOR_TIMES) -> None:
        self._before = time.process_time()
        self._started = time.monotonic()
        self._packages = PackageCounter(powercap)
        self._processor_times = processor_times
        self._times = self._read_times()
        self._gpus = read_gpus()

    def read(self) -> Cost:
        """The cost so far."""
        wall = self._before + time.monotonic() - self._started
        gpus = used_gpus()
        return Cost(
            wall_seconds=wall,
            cpu_seconds=_cpu_seconds(),
            gpu_seconds=wall * len(gpus),
            peak_memory_gb=_peak_memory_gb(),
            cpu_joules=self._cpu_joules(),
            gpu_joules=self._gpu_joules(gpus),
        )

    def _cpu_joules(self) -> float | None:
        """Energy of the packages a busy second of the machine, times CPU seconds of this process."""
        joules, times = self._packages.joules(), self._read_times()
        if joules is None or times is None or self._times is None:
            return None
        own, busy = (now - before for now, before in zip(times, self._times))
        return joules * _cpu_seconds() / max(own, busy)

    def _read_times(self) -> tuple[float, float] | None:
        """CPU seconds of this process, and those of all processes of the machine."""
        with suppress(OSError, ValueError):
            return _cpu_seconds(), _busy_seconds(self._processor_times)
        return None

    def _gpu_joules(self, gpus: list[str]) -> float | None:
        now = read_gpus()
        if not gpus or not set(gpus) <= set(now) & set(self._gpus):
            return None
        return sum(now[gpu] - self._gpus[gpu] for gpu in gpus)


class PackageCounter:
    """Energy in J of all CPU packages since this counter was made, by RAPL through Linux's powercap.

    The counters wrap around, at full power within minutes, so that they are read every minute in the background.
    """

    def __init__(self, powercap: Path = POWERCAP) -> None:
        self._lock = threading.Lock()
        self._microjoules = 0
        self._last: dict[Path, int] = {}
        with suppress(OSError, ValueError):
            self._last = {folder: _read_number(folder / "energy_uj") for folder in _packages(powercap)}
        if self._last:
            threading.Thread(target=self._read_now_and_then, daemon=True).start()

    def joules(self) -> float | None:
        """The energy so far; None where no counter can be read, as for most users of most machines."""
        with self._lock:
            try:
                for folder, last in self._last.items():
                    self._last[folder] = now = _read_number(folder / "energy_uj")
                    wrapped = _read_number(folder / "max_energy_range_uj") if now < last else 0
                    self._microjoules += now - last + wrapped
            except (OSError, ValueError):
                self._last = {}
            return 1e-6 * self._microjoules if self._last else None

    def _read_now_and_then(self) -> None:
        while self.joules() is not None:
            time.sleep(SECONDS_BETWEEN_READINGS)


def read_gpus() -> dict[str, float]:
    """Energy in J of each NVIDIA GPU since its driver was loaded, by UUID; empty without nvidia-ml-py or a GPU."""
    try:
        import pynvml
    except ImportError:
        return {}
    found = {}
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        for number in range(pynvml.nvmlDeviceGetCount()):
            gpu = pynvml.nvmlDeviceGetHandleByIndex(number)
            with suppress(pynvml.NVMLError):  # older ones count no energy
                found[pynvml.nvmlDeviceGetUUID(gpu)] = 1e-3 * pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu)
    return found


def used_gpus() -> list[str]:
    """UUIDs of the GPUs on which this process has allocated memory through torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return []
    numbers = [n for n in range(torch.cuda.device_count()) if torch.cuda.max_memory_allocated(n) > 0]
    return [f"GPU-{torch.cuda.get_device_properties(number).uuid}" for number in numbers]


def _packages(powercap: Path) -> list[Path]:
    """Folders of the CPU packages; their cores and graphics, and the whole platform, are counted elsewhere too."""
    folders = (f for f in powercap.glob("intel-rapl:*") if f.name.count(":") == 1)
    return [folder for folder in folders if (folder / "name").read_text().startswith("package")]


def _read_number(path: Path) -> int:
    return int(path.read_text())


def _busy_seconds(path: Path) -> float:
    """Seconds that all cores of the machine were busy since it started, from Linux's `/proc/stat`."""
    user, nice, system, _, _, interrupts, soft_interrupts = map(int, path.read_text().split()[1:8])
    return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_memory_gb() -> float:
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9  # macOS counts bytes, Linux kilobytes
