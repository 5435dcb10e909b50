"""A real SLURM on this machine for the tests: one node on loopback with simulated GPUs.

munged, slurmctld and slurmd (and slurmdbd on MariaDB for accounting) run as root from a private
folder. The one trace outside of it is the link ``/etc/slurm/slurm.conf``: the executor plugin drops
SLURM_CONF before its inner ``srun``, which then looks there. To try things on one:
``python tests/workflow/slurm/slurm_cluster.py FOLDER [--accounting]``.
"""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

LINK = Path("/etc/slurm/slurm.conf")
MARK = "# A cluster of the tests of Latent Microscope"
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
ACCOUNTING = ("slurmdbd", "sacct", "mariadbd", "mariadb", "mariadb-install-db")
PACKAGES = "slurm-wlm munge"
ACCOUNTING_PACKAGES = "slurmdbd mariadb-server-core mariadb-client-core"
GPUS = 2
SLURM_CONF = Template(
    f"""{MARK}
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$root/run/munge.socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=$controller_port
SlurmdPort=$node_port
SrunPortRange=60001-63000
StateSaveLocation=$root/state
SlurmdSpoolDir=$root/spool
SlurmctldPidFile=$root/run/slurmctld.pid
SlurmdPidFile=$root/run/slurmd.pid
SlurmctldLogFile=$root/log/slurmctld.log
SlurmdLogFile=$root/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=$tasks
SwitchType=switch/none
MpiDefault=none
# The memory limit without cgroups: sampled once a second.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
$accounting
# A line a finished job: what the tests read.
JobCompType=jobcomp/filetxt
JobCompLoc=$root/log/jobs.log
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
GresTypes=gpu
ReturnToService=2
# More processors than the machine has.
SlurmdParameters=config_overrides
MinJobAge=300
KillWait=2
SlurmctldTimeout=30
SlurmdTimeout=60
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory Gres=gpu:sim:{GPUS} State=UNKNOWN
# Jobs of the last two partitions make room for others: killed for good, or queued again.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=DEFAULT Nodes=$host MaxTime=2-00:00:00 DefMemPerCPU=200 State=UP
PartitionName=cpu Default=YES PriorityTier=2 PreemptMode=OFF
PartitionName=gpu Default=NO PriorityTier=2 PreemptMode=OFF
PartitionName=killed Default=NO PriorityTier=1 PreemptMode=CANCEL
PartitionName=requeued Default=NO PriorityTier=1 PreemptMode=REQUEUE
"""
)
WITH_DATABASE = Template(
    """AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$dbd_port
AccountingStoragePass=$root/run/munge.socket
AccountingStorageTRES=gres/gpu"""
)
SLURMDBD_CONF = Template(
    """AuthType=auth/munge
AuthInfo=socket=$root/run/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$dbd_port
SlurmUser=root
LogFile=$root/log/slurmdbd.log
PidFile=$root/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=$database_port
StorageUser=slurm
StoragePass=tests
StorageLoc=slurm_acct_db
CommitDelay=1
CommunicationParameters=NoInAddrAny
"""
)
GRES_CONF = Template(
    # Character devices: plain files are refused; without File= no job sees CUDA_VISIBLE_DEVICES.
    f"AutoDetect=off\nNodeName=$host Name=gpu Type=sim Flags=nvidia_gpu_env "
    f"File=$root/run/gpu[0-{GPUS - 1}]\n"
)
CGROUP_CONF = Template(
    "CgroupAutomount=no\nCgroupMountpoint=/sys/fs/cgroup\nCgroupPlugin=cgroup/v1\n"
    "ConstrainCores=$constrained\nConstrainRAMSpace=no\nConstrainDevices=no\n"
)
CPUSETS = Path("/sys/fs/cgroup/cpuset")  # where jobs can be kept to their cores, as clusters do
DATABASE = """CREATE DATABASE IF NOT EXISTS slurm_acct_db;
CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'tests';
CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED BY 'tests';
GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';
GRANT ALL ON slurm_acct_db.* TO 'slurm'@'localhost';"""


def why_not(*, accounting: bool = False) -> str | None:
    """Why no cluster can be started here; None if one can."""
    if os.geteuid() != 0:
        return "SLURM's daemons need root here"
    missing = [name for name in DAEMONS if not shutil.which(name)]
    if missing:
        return f"{missing[0]} is not installed (apt-get install {PACKAGES})"
    missing = [name for name in ACCOUNTING if accounting and not shutil.which(name)]
    if missing:
        return f"{missing[0]} is not installed (apt-get install {ACCOUNTING_PACKAGES})"
    if (LINK.exists() or LINK.is_symlink()) and not _is_ours():
        return f"{LINK} is there: this machine belongs to a cluster"
    return None


def _is_ours() -> bool:
    """Whether the link is ours or one whose cluster is gone."""
    if not LINK.is_symlink():
        return False
    return not LINK.exists() or LINK.read_text(encoding="utf-8").startswith(MARK)


@dataclass
class Cluster:
    """One node with ``cpus`` processors (pretended) and two GPUs (simulated).

    Attributes:
        root: Private folder of keys, sockets, settings, state and logs.
        accounting: Whether slurmdbd runs, and so sacct answers.
        cpus: Processors that SLURM hands out.
        memory: MiB that SLURM hands out.
    """

    root: Path
    accounting: bool = False
    cpus: int = 4
    memory: int = 20_000
    host: str = field(default_factory=lambda: socket.gethostname().split(".")[0])
    _database: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> "Cluster":
        """Bring everything up and wait until the node is idle."""
        for name in ("etc", "run", "log", "state", "spool", "munge"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        _remove_empty_cpusets()
        (self.root / "munge").chmod(0o700)
        self._start_munge()
        self._write_settings()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        self.start_node()
        self.wait_for(lambda: self.node_state() in ("idle", "mixed"), "the node to be idle")
        return self

    def stop(self) -> None:
        """End exactly the daemons that this object started."""
        if (self.root / "run/slurmctld.pid").exists():
            self.command("scancel", "--user=root", check=False)
        for name in ("slurmd", "slurmctld", "slurmdbd", "munged"):
            self.kill(name, signal.SIGTERM)
        if self._database:
            self._database.terminate()
            self._database.wait(30)
            self._database = None
        if LINK.is_symlink() and LINK.readlink() == self.conf:
            LINK.unlink()

    @property
    def constrained(self) -> bool:
        """Whether jobs see their own cores only (ConstrainCores)."""
        return os.access(CPUSETS, os.W_OK)

    @property
    def conf(self) -> Path:
        return self.root / "etc/slurm.conf"

    def start_controller(self) -> None:
        """Start slurmctld (again)."""
        self._run("slurmctld", "-f", str(self.conf))

    def start_node(self) -> None:
        """Start slurmd (again)."""
        self._run("slurmd", "-f", str(self.conf), "-N", self.host)

    def kill(self, daemon: str, how: int) -> None:
        """End a daemon by its pid file; jobs of a killed slurmd go on."""
        path = self.root / "run" / f"{daemon}.pid"
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            pid = int(path.read_text())
            if Path(f"/proc/{pid}/comm").read_text().strip() != daemon[:15]:
                return
            os.kill(pid, how)
            self.wait_for(lambda: not _lives(pid), f"the end of {daemon}", 20)
        path.unlink(missing_ok=True)

    def kill_steps(self) -> None:
        """SIGKILL what runs on the node, as if its power were gone; slurmd must be down."""
        for step in _step_daemons(self.root):
            for pid in [*_descendants(step), step]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: not _step_daemons(self.root), "the end of all steps", 20)

    def mark_down(self) -> None:
        """What slurmctld does by itself once the node has not answered for SlurmdTimeout."""
        words = (f"NodeName={self.host}", "State=DOWN", "Reason=Not responding")
        self._run("scontrol", "update", *words)

    def command(self, *words: str, check: bool = True) -> str:
        """What a SLURM command prints, such as ``squeue``."""
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def node_state(self) -> str:
        return self.command("sinfo", "-h", "-o", "%T", "-n", self.host, "-p", "cpu", check=False)

    def queue(self) -> list[dict[str, str]]:
        """Jobs that wait or run: id, state, processors and folder."""
        lines = self.command("squeue", "-h", "-t", "PD,R", "-o", "%i|%T|%C|%Z").splitlines()
        names = ("id", "state", "processors", "folder")
        return [dict(zip(names, line.split("|"), strict=True)) for line in lines]

    def finished_jobs(self) -> list[dict[str, str]]:
        """The fields of every finished job, from the completion log."""
        path = self.root / "log/jobs.log"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s for {what}; {self.logs()}"
            time.sleep(0.1)

    def logs(self, lines: int = 15) -> str:
        """The ends of the daemons' logs, for a failed test."""
        found = []
        for path in sorted((self.root / "log").glob("*.log")):
            text = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            found.append("\n".join([f"--- {path.name}", *text]))
        return "\n".join(found)

    def _run(self, *words: str) -> None:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}; {self.logs()}"

    def _start_munge(self) -> None:
        key = self.root / "munge/munge.key"
        if not key.exists():
            key.write_bytes(os.urandom(128))
            key.chmod(0o400)
        self._run(
            "munged",
            "--force",
            f"--key-file={key}",
            f"--socket={self.root}/run/munge.socket",
            f"--pid-file={self.root}/run/munged.pid",
            f"--log-file={self.root}/log/munged.log",
            f"--seed-file={self.root}/munge/munge.seed",
        )

    def _write_settings(self) -> None:
        names = ("controller_port", "node_port", "dbd_port", "database_port")
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        values = {
            "root": str(self.root),
            "host": self.host,
            "cpus": str(self.cpus),
            "tasks": "task/affinity,task/cgroup" if self.constrained else "task/none",
            "constrained": "yes" if self.constrained else "no",
            "memory": str(self.memory),
            **{name: str(port) for name, port in self._ports.items()},
        }
        values["accounting"] = (
            WITH_DATABASE.substitute(values)
            if self.accounting
            else "AccountingStorageType=accounting_storage/none"
        )
        for i in range(GPUS):
            device = self.root / f"run/gpu{i}"
            if not device.exists():
                os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # another /dev/null
        etc = self.root / "etc"
        (etc / "gres.conf").write_text(GRES_CONF.substitute(values))
        (etc / "cgroup.conf").write_text(CGROUP_CONF.substitute(values))
        (etc / "slurmdbd.conf").write_text(SLURMDBD_CONF.substitute(values))
        (etc / "slurmdbd.conf").chmod(0o600)
        self.conf.write_text(SLURM_CONF.substitute(values))
        LINK.parent.mkdir(exist_ok=True)
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(self.conf)

    def _start_accounting(self) -> None:
        data, sock = self.root / "db", self.root / "run/mysql.sock"
        if not data.exists():
            self._run(
                "mariadb-install-db",
                "--no-defaults",
                "--user=root",
                f"--datadir={data}",
                "--skip-test-db",
                "--auth-root-authentication-method=socket",
                "--auth-root-socket-user=root",
            )
        with open(self.root / "log/mariadbd.log", "ab") as log:
            self._database = subprocess.Popen(
                [
                    "mariadbd",
                    "--no-defaults",
                    "--user=root",
                    f"--datadir={data}",
                    f"--socket={sock}",
                    "--bind-address=127.0.0.1",
                    f"--port={self._ports['database_port']}",
                    "--innodb-buffer-pool-size=64M",
                    "--innodb-lock-wait-timeout=900",
                ],
                stdout=log,
                stderr=log,
            )
        client = ("mariadb", "--no-defaults", f"--socket={sock}", "-uroot", "-e")
        self.wait_for(lambda: _succeeds(*client, "select 1"), "MariaDB")
        self._run(*client, DATABASE)
        # slurmdbd looks for its settings beside SLURM_CONF.
        self._run("env", f"SLURM_CONF={self.conf}", "slurmdbd")
        self.wait_for(lambda: _succeeds("sacctmgr", "-n", "list", "cluster"), "slurmdbd")
        _succeeds("sacctmgr", "-i", "add", "cluster", "tests")


def _succeeds(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, timeout=5, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _lives(pid: int) -> bool:
    """Whether a process runs; one that ended counts as gone even if nobody asked for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _remove_empty_cpusets() -> None:
    """Groups that killed clusters left: their jobs' numbers come again, and would be refused."""
    for folder in sorted(CPUSETS.glob("slurm_*/**/"), reverse=True):
        with suppress(OSError):  # in use
            folder.rmdir()


def _step_daemons(root: Path) -> list[int]:
    """Living slurmstepd of the cluster in this folder: they hold its files open."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (path / "comm").read_text().strip() == "slurmstepd" and _lives(int(path.name)):
                opened = [str(one.readlink()) for one in (path / "fd").iterdir()]
                if any(name.startswith(str(root)) for name in opened):
                    found.append(int(path.name))
    return found


def _descendants(pid: int) -> list[int]:
    """Children of a process, theirs, and so on."""
    found = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def main(root: Path, accounting: bool) -> None:
    """Bring a cluster up until Ctrl-C."""
    reason = why_not(accounting=accounting)
    if reason:
        sys.exit(reason)
    cluster = Cluster(root.resolve(), accounting)
    signals = {signal.SIGINT, signal.SIGTERM}
    try:
        cluster.start()
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # after: the daemons would inherit it
        print("up: partitions cpu and gpu; Ctrl-C ends it", flush=True)
        signal.sigwait(signals)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), accounting="--accounting" in sys.argv)
