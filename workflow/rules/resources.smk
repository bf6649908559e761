"""Memory and time of jobs that grow with the experiment. Each attempt asks for more."""

LONGEST = 24 * 60  # minutes; what takes longer goes on in the next attempt


def get_training_threads(wildcards) -> int:
    """Cores that training uses."""
    return EXPERIMENTS[wildcards.experiment].config.training.threads


def get_training_memory(wildcards, attempt) -> int:
    """MB: libraries and network, and the simulations that are kept in memory with what is made of them."""
    memory = EXPERIMENTS[wildcards.experiment].config.training.memory
    return attempt * round(3000 + 1500 * memory)


def get_training_minutes(wildcards, attempt) -> int:
    """Minutes: an hour, and one for each two hundred simulations that a network learns from."""
    config = EXPERIMENTS[wildcards.experiment].config
    simulations = config.rounds.budget or config.rounds.simulations
    return min(attempt * (60 + simulations * config.training.ensemble // 200), LONGEST)


def get_simulation_gpus(wildcards) -> int:
    """GPUs: a simulator works on the CPU unless its experiment says otherwise."""
    return int(EXPERIMENTS[wildcards.experiment].config.simulator.device != "cpu")


def get_simulation_memory(wildcards, attempt) -> int:
    """MB: a shard is held in memory until it is written."""
    shard = EXPERIMENTS[wildcards.experiment].config.rounds.shard
    return attempt * (3000 + shard // 8)


def get_simulation_minutes(wildcards, attempt) -> int:
    """Minutes: at a simulation a second, which only slow simulators need."""
    shard = EXPERIMENTS[wildcards.experiment].config.rounds.shard
    return min(attempt * (15 + shard // 60), LONGEST)
