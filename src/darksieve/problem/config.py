"""The classes behind an experiment file: every key, its type, its default and what it means.

`workflow/schemas/experiment.schema.json` and the table in `config/README.md` are generated from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from darksieve.problem.analyses import AnalysesConfig
from darksieve.problem.paper import PaperConfig
from darksieve.problem.section import Section

__all__ = ["METHODS", "ExperimentConfig", "Method", "WorkflowConfig"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
Method = Literal["exact", "nested", "nuts", "sghmc", "flow", "vi"]
Device = Literal["auto", "cpu", "cuda"]
METHODS: tuple[str, ...] = get_args(Method)  # of reference, the most trusted first


class SimulatorConfig(Section):
    """The simulator and its options."""

    class_: str = Field(
        alias="class",
        description="`package.module:Class`, or `path/to/file.py:Class` relative to the experiment file",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of the class")
    device: Device = Field(
        "cpu", description="where `simulate` gets its tensors, if it can work there; auto: a GPU where there is one"
    )
    timeout: float | None = Field(
        None, gt=0, description="seconds that one simulation may take; it then runs in a process that can be stopped"
    )
    retries: int = Field(0, ge=0, description="how often a simulation that went wrong is tried again, with new noise")
    failures_allowed: float = Field(
        0.01, ge=0, lt=1, description="fraction of simulations that may go wrong and are left out"
    )


class PriorConfig(Section):
    """The prior of one parameter: exactly one of `uniform`, `log_uniform` and `normal`."""

    uniform: Interval | None = Field(None, description="[low, high]")
    log_uniform: Interval | None = Field(None, description="[low, high], both above zero")
    normal: Interval | None = Field(None, description="[mean, standard deviation]")
    bounds: Interval | None = Field(None, description="[low, high], where a normal prior is cut")
    unit: str | None = Field(None, description="unit; by default what the simulator says")
    label: str | None = Field(None, description="LaTeX label without dollars; by default what the simulator says")

    @model_validator(mode="after")
    def _one_prior(self) -> PriorConfig:
        given = [key for key in ("uniform", "log_uniform", "normal") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of uniform, log_uniform and normal, has {given or 'none'}")
        for key in ("uniform", "log_uniform", "bounds"):
            edges = getattr(self, key)
            if edges is not None and not edges[0] < edges[1]:
                raise ValueError(f"{key} {edges}: low must be below high")
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError(f"log_uniform {self.log_uniform}: both edges must be above zero")
        if self.normal is not None and self.normal[1] <= 0:
            raise ValueError(f"normal {self.normal}: the standard deviation must be above zero")
        if self.bounds is not None and self.normal is None:
            raise ValueError("bounds belong to a normal prior")
        return self


class MockConfig(Section):
    """An observation that the simulator makes from known parameters."""

    parameters: dict[Name, float] = Field(description="the true value of every parameter")
    seed: int = Field(1, ge=0, description="seed of the mock's noise")


class MaskConfig(Section):
    """An array that is not zero where the data are to be used."""

    file: str = Field(description="HDF5, FITS or CSV file")
    dataset: str = Field(description="dataset, extension or column of that file")


class ObservationConfig(Section):
    """The observation: a mock, a file and where its arrays lie, or what the simulator's own files hold."""

    mock: MockConfig | None = Field(None, description="a mock observation")
    file: str | None = Field(
        None,
        description="HDF5, FITS or CSV file, relative to the experiment file or to where Snakemake is started",
    )
    from_simulator: bool = Field(
        False, description="the data that lie in the files of the simulator's options, such as a survey's tables"
    )
    arrays: dict[Name, str] = Field(
        {},
        description="data name: dataset (HDF5), extension (FITS) or column (CSV); by default the group `x` of HDF5",
    )
    crop: int | None = Field(None, ge=1, description="keep the central pixels x pixels of every image")
    mask: MaskConfig | None = Field(None, description="which pixels to use, cropped like the data; by default all")

    @model_validator(mode="after")
    def _one_source(self) -> ObservationConfig:
        if [self.mock is not None, self.file is not None, self.from_simulator].count(True) != 1:
            raise ValueError("needs exactly one of mock, file and from_simulator")
        return self


class MarginalsConfig(Section):
    """Which posteriors are estimated."""

    one_dimensional: Literal["all"] | list[Name] = Field(
        "all", description="parameters with a posterior of their own; these are the ones that are truncated"
    )
    two_dimensional: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] = Field(
        [], description="pairs of parameters"
    )
    joint: bool = Field(False, description="also the joint posterior of all parameters, by autoregressive ratios")


class RoundsConfig(Section):
    """The sequential truncated rounds."""

    maximum: int = Field(6, ge=1, le=50, description="rounds at most")
    simulations: int = Field(10000, ge=1, description="simulations a round: the mean of a Poisson-distributed number")
    early_simulations: list[Annotated[int, Field(ge=1)]] = Field(
        [],
        description="those of the first rounds, one after the other, which may do with fewer; a box that settles in "
        "one of them gets a round of `simulations`",
    )
    budget: int | None = Field(
        None,
        ge=1,
        description="in place of `simulations`: new simulations of all rounds together; what is left when the box has "
        "settled is spent in it",
    )
    threshold: float = Field(
        1e-6,
        gt=0,
        lt=1,
        description="a box keeps values whose posterior density is above this fraction of its peak",
    )
    stop_shrinkage: float = Field(
        0.8, gt=0, le=1, description="stop when the box keeps more than this fraction of its volume"
    )
    on_violation: Literal["widen", "stop", "go on"] = Field(
        "widen",
        description="when the audit of a round's truncation says no: widen the box for another round, stop the run, "
        "or go on as if it had said yes",
    )
    shard: int = Field(8192, ge=64, description="simulations a shard at most, on average; one job makes a shard")

    @model_validator(mode="after")
    def _one_way(self) -> RoundsConfig:
        if self.budget is not None and self.early_simulations:
            raise ValueError("early_simulations and budget exclude each other")
        return self


class NetworkConfig(Section):
    """The network that estimates the ratios."""

    class_: str | None = Field(
        None,
        alias="class",
        description="a `SwyftModule` of your own as `package.module:Class` or `file.py:Class`; by default darksieve's",
    )
    embedding: Literal["auto", "cnn", "resnet", "mlp", "principal"] = Field(
        "auto",
        description="auto: a CNN for images, a multilayer perceptron for vectors, each beside the principal components "
        "of the noise-free signal; principal: these alone, which what no simulation shows misleads least",
    )
    features: int = Field(32, ge=1, description="summaries that the embedding gives a parameter estimator")
    components: int = Field(96, ge=1, description="principal components of the noise-free signal")
    options: dict[str, Any] = Field({}, description="keyword arguments of your own network")


class TrainingConfig(Section):
    """How the network is trained."""

    epochs: int | None = Field(
        None, ge=1, description="epochs at most; by default as many as make 4000 steps, from 20 to 500"
    )
    batch: int = Field(128, ge=2, description="simulations a step")
    learning_rate: float = Field(1e-3, gt=0, description="largest learning rate (AdamW, one cycle)")
    loss: Literal["nre-a", "nre-b", "nre-c", "balanced"] = Field(
        "nre-a",
        description="binary cross-entropy; nre-c: with several contrasts; balanced: conservative posteriors; "
        "nre-b: ratios right only up to a factor that depends on the data",
    )
    contrasts: int = Field(5, ge=1, description="parameters of other simulations that nre-b and nre-c compare with")
    ensemble: int = Field(1, ge=1, description="networks that are trained, each from another start, and averaged")
    turn_images: bool = Field(
        False,
        description="turn and mirror square images at random, anew in each epoch; right only where nothing has "
        "a direction: instrument, prior, and all parameters with a marginal",
    )
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="simulations kept for validation")
    patience: int | None = Field(
        None,
        ge=1,
        description="epochs without improvement before training stops, counting those that fit what they are "
        "trained on better than any did what they are not; by default half of all",
    )
    memory: float = Field(
        8.0, gt=0, description="GB that simulations may take; more of them are streamed from the store"
    )
    threads: int = Field(
        1,
        ge=1,
        description="cores that training uses, more than one for images; fixed, since sums and so the weights depend "
        "on it in the last digit",
    )
    device: Device = Field("auto", description="auto: a GPU where there is one")


class DiagnosticsConfig(Section):
    """The checks of the posterior."""

    simulations: int = Field(1000, ge=50, description="fresh simulations from the last box for calibration")
    predictive_draws: int = Field(500, ge=20, description="posterior draws simulated for the predictive check")


class ReferenceConfig(Section):
    """Likelihood-based inference of the same posterior, to compare with."""

    methods: list[Method] = Field(
        [],
        description="exact posterior samples of a toy problem, nested sampling, Hamiltonian Monte Carlo (NUTS), "
        "stochastic-gradient HMC, importance sampling by a normalising flow, variational inference; all but the first "
        "need the simulator's `log_likelihood`",
    )
    chains: int = Field(4, ge=2, description="chains of nuts and sghmc")
    samples: int = Field(1000, ge=100, description="samples a chain; the other methods draw as many as all chains")

    @model_validator(mode="after")
    def _each_once(self) -> ReferenceConfig:
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"methods {self.methods} name one twice")
        return self


class CombinationConfig(Section):
    """Further observations, and the parameters that all observations share."""

    shared: list[Name] = Field(
        min_length=1, max_length=2, description="one parameter, or a pair of `marginals.two_dimensional`"
    )
    observations: dict[Name, ObservationConfig] = Field(
        {}, description="further observations by name, each as `observation`"
    )
    mocks: int = Field(
        0,
        ge=0,
        description="further observations that are made with the shared parameters of `observation.mock`, all others "
        "drawn from their priors",
    )
    sizes: list[Annotated[int, Field(ge=1)]] = Field(
        min_length=1, description="numbers of observations that are combined, the first so many of them"
    )
    ensembles: int = Field(
        20,
        ge=10,
        description="ensembles of mocks, with truths from the prior, that check the combined posterior, and three "
        "times as many others from which it is learned how far to widen it",
    )

    @model_validator(mode="after")
    def _enough(self) -> CombinationConfig:
        if sorted(set(self.sizes)) != self.sizes:
            raise ValueError(f"sizes {self.sizes} must rise")
        if self.sizes[-1] > (number := 1 + len(self.observations) + self.mocks):
            raise ValueError(f"sizes go up to {self.sizes[-1]}, but there are {number} observations")
        return self


class ExperimentConfig(Section):
    """One experiment: what was observed, how it is simulated, and what is inferred."""

    simulator: SimulatorConfig = Field(description="the simulator")
    prior: dict[Name, PriorConfig] = Field(min_length=1, description="a prior a parameter")
    observation: ObservationConfig = Field(description="the observation")
    marginals: MarginalsConfig = Field(default_factory=MarginalsConfig, description="the posteriors wanted")
    rounds: RoundsConfig = Field(default_factory=RoundsConfig, description="the rounds")
    network: NetworkConfig = Field(default_factory=NetworkConfig, description="the network")
    training: TrainingConfig = Field(default_factory=TrainingConfig, description="the training")
    diagnostics: DiagnosticsConfig = Field(default_factory=DiagnosticsConfig, description="the checks")
    reference: ReferenceConfig = Field(default_factory=ReferenceConfig, description="what to compare with")
    combination: CombinationConfig | None = Field(
        None, description="parameters that many observations share; needs `rounds.maximum: 1`"
    )
    posterior_samples: int = Field(
        10000, ge=100, description="weighted samples of each marginal, and samples of the joint posterior"
    )
    seed: int = Field(1, ge=0, description="every random number of the experiment depends on it")


class EnergyConfig(Section):
    """How energy is estimated where no counter can be read."""

    watts_per_core: float = Field(
        12.0,
        gt=0,
        description="power of a busy core, W, where RAPL cannot be read; the default is that of any CPU in Green "
        "Algorithms (Lannelongue et al. 2021, doi:10.1002/advs.202100707), a thermal design power a core",
    )
    watts_per_gpu: float = Field(
        200.0,
        gt=0,
        description="power of a GPU, W, where NVML cannot be read; the default is that of any GPU in Green Algorithms",
    )


class WorkflowConfig(Section):
    """`config/config.yaml`: what one run of the workflow makes."""

    experiments: list[str] = Field(
        min_length=1, description="names in `config/experiments/`, or paths of experiment files"
    )
    references: list[Method] = Field(
        [], description="methods that each experiment is compared with besides its own `reference.methods`"
    )
    alternatives: dict[Name, list[str]] = Field(
        {},
        description="name: experiments on one observation, which are ranked by the evidence of nested sampling: "
        "`results/alternatives/NAME.txt`",
    )
    data_mirror: str | None = Field(
        None, description="folder that holds the registered data files, in place of their public origin"
    )
    simulation_store: str = Field("data/simulations", description="folder of the simulation store")
    remove: bool = Field(False, description="whether `snakemake clean_store` removes what it lists")
    energy: EnergyConfig = Field(default_factory=EnergyConfig, description="the energy ledger")
    strict: bool = Field(
        False, description="whether a run fails at its end, all results written, where a diagnostic says no"
    )
    analyses: AnalysesConfig = Field(default_factory=AnalysesConfig, description="the physics of AI")
    paper: PaperConfig = Field(default_factory=PaperConfig, description="the paper")
