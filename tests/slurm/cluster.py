"""A cluster of one node with a Slurm of its own: real daemons, and GPUs that are only counted.

Everything lies in one folder but a link to its configuration, `/etc/slurm/slurm.conf`, since jobs that Snakemake starts
look for it there. The daemons listen on the loopback address and need root, as anywhere.
"""

import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

PACKAGES = "slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge"
LINK = Path("/etc/slurm/slurm.conf")
CPUS = 8  # that Slurm believes in
GPUS = 1

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# finished jobs stay in the records; Snakemake asks squeue, since there is no accounting
MinJobAge=3600
ReturnToService=2
SlurmdTimeout=15
KillWait=20
SlurmdParameters=config_overrides
NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=60000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={node} Default=YES State=UP
PartitionName=gpu Nodes={node} State=UP
"""


@dataclass(frozen=True)
class Record:
    """A job as Slurm remembers it."""

    number: int
    folder: Path
    rule: str
    partition: str
    state: str
    gpus: int
    memory: float  # MB
    submitted: datetime
    started: datetime | None
    ended: datetime | None


def missing() -> str | None:
    """Why no cluster can be started here; None where one can."""
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    absent = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if shutil.which(name) is None]
    if absent:
        return f"no {', '.join(absent)}: apt-get install --no-install-recommends {PACKAGES}"
    if LINK.exists() and not LINK.is_symlink():
        return f"{LINK} is of another cluster"
    return None


class Cluster:
    """The daemons, and what they say of jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("state", "spool"):
            (folder / part).mkdir(parents=True)
        devices = [folder / f"gpu{number}" for number in range(GPUS)]
        for device in devices:  # never opened; with a plain file Slurm would count the GPU, but give jobs no variable
            os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        (folder / "munge.key").write_bytes(secrets.token_bytes(128))
        (folder / "munge.key").chmod(0o400)
        node = socket.gethostname().partition(".")[0]
        ports = dict(zip(("controller_port", "node_port"), free_ports(2)))
        configuration = CONFIGURATION.format(node=node, folder=folder, cpus=CPUS, gpus=GPUS, **ports)
        (folder / "slurm.conf").write_text(configuration)
        (folder / "gres.conf").write_text("".join(f"NodeName={node} Name=gpu File={each}\n" for each in devices))

    def start(self) -> None:
        """Start all daemons and wait for the node."""
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(self.folder / "slurm.conf")
        run(
            "munged", "--force", f"--key-file={self.folder}/munge.key", f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log",
            f"--seed-file={self.folder}/munge.seed",
        )  # fmt: skip
        run("slurmctld", "-c", "-f", str(self.folder / "slurm.conf"))
        self.start_node()

    def start_node(self) -> None:
        """Start the node's daemon and wait until it takes jobs."""
        run("slurmd", "-f", str(self.folder / "slurm.conf"))  # gres.conf lies beside it
        wait_until(lambda: run("sinfo", "-h", "-p", "gpu", "-o", "%T").strip() in ("idle", "mixed"), 60)

    def lose_node(self) -> None:
        """SIGKILL the node's daemon and every process of every job on it, as when its power fails."""
        processes = set(self.processes(""))
        managers = {parent_of(process) for process in processes} - processes  # slurmstepd
        for process in [int((self.folder / "slurmd.pid").read_text()), *managers, *processes]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def stop(self) -> None:
        """Stop all jobs and daemons, and remove the link."""
        for record in self.records():
            if record.state in ("RUNNING", "PENDING"):
                subprocess.run(["scancel", "--signal=KILL", str(record.number)], check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            path = self.folder / f"{name}.pid"
            if path.is_file():
                process = int(path.read_text())
                os.kill(process, signal.SIGTERM)
                wait_until(lambda process=process: not Path(f"/proc/{process}").exists(), 30)
        LINK.unlink()

    def records(self) -> list[Record]:
        """All jobs since the cluster was started, those of arrays one by one, in the order of their numbers."""
        lines = run("scontrol", "show", "jobs", "--oneliner").splitlines()
        return sorted((read_record(line) for line in lines if line.startswith("JobId=")), key=lambda job: job.number)

    def processes(self, part: str) -> list[int]:
        """Processes of jobs whose command line holds a text."""
        rows = [line.split() for line in run("scontrol", "listpids").splitlines()[1:]]
        found = {int(row[0]) for row in rows if int(row[0]) > 0}
        return sorted(process for process in found if part in command_line(process))


def read_record(line: str) -> Record:
    """A job out of a line of `scontrol show jobs --oneliner`."""

    def field(name: str) -> str:
        found = re.search(rf"(?:^| ){name}=(\S*)", line)
        return found[1] if found else ""

    def moment(name: str) -> datetime | None:
        return None if field(name) in ("", "Unknown") else datetime.fromisoformat(field(name))

    gpus = re.search(r"gres:gpu:(\d+)", field("TresPerNode"))
    memory = re.match(r"([\d.]+)([MG])", field("MinMemoryNode"))
    rule = re.match(r"rule_([a-z_]+?)(?:_wildcards.*)?$", field("Comment"))
    return Record(
        number=int(field("JobId")),
        folder=Path(field("WorkDir")),
        rule=rule[1] if rule else "",
        partition=field("Partition"),
        state=field("JobState"),
        gpus=int(gpus[1]) if gpus else 0,
        memory=float(memory[1]) * {"M": 1, "G": 1024}[memory[2]] if memory else 0.0,
        submitted=datetime.fromisoformat(field("SubmitTime")),
        started=moment("StartTime"),
        ended=moment("EndTime"),
    )


def run(*command: str) -> str:
    """Output of a command that must end well."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stdout}{result.stderr}"
    return result.stdout


def wait_until(condition: Callable[[], object], seconds: float) -> None:
    """Return as soon as a condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited for {seconds:g} s"
        time.sleep(0.2)


def parent_of(process: int) -> int:
    """The parent of a process."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def command_line(process: int) -> str:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        return ""


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
