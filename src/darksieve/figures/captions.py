"""What each figure shows, in words: the captions of the reports, and the texts that stand in for an image.

A figure of an experiment goes by its name (`CAPTIONS["coverage"]`), one of the physics of AI by its analysis and name
(`caption_of("ising", "binder")`).
"""

from __future__ import annotations

__all__ = ["CAPTIONS", "ILLUSTRATIONS", "caption_of"]

CAPTIONS: dict[str, str] = {
    "observation": "The data as they enter the inference, masked elements at zero.",
    "posterior": (
        "Marginal posteriors (dashed: central 68%) and pairs with their 68% and 95% regions; dotted lines "
        "mark the truth of a mock; red, where there is one, the posterior by a reference method."
    ),
    "rounds": (
        "The truncated prior after each round, as an interval of prior probability for each parameter, and its volume."
    ),
    "shrinking": (
        "The truncated prior after each round in planes of two parameters, those of the rounds before as outlines, "
        "and the posterior in the last box."
    ),
    "position": (
        "Posterior of the subhalo's position over the image and close up, 68% and 95% regions, and that of its mass; "
        "the cross and the dotted line mark the truth of a mock."
    ),
    "training": "Loss of training and validation simulations in each round; the weights of the marked epoch are kept.",
    "coverage": (
        "Expected coverage of highest-density regions on fresh simulations from the last box, with Jeffreys 99% "
        "bands; red where 68% or 95% is missed."
    ),
    "ranks": (
        "Distribution of the truth's rank in the marginal posteriors of the same simulations, less the uniform one "
        "of right posteriors, with the band that holds all of it in 99% of cases, all parameters together."
    ),
    "average": (
        "Mean posterior of the same simulations, with its standard error; it is the prior in the box, one, if the "
        "posteriors are right."
    ),
    "misspecification": (
        "How far the observation's summaries lie from those of simulations (red line), beside how far these lie "
        "from each other."
    ),
    "truncation": (
        "What the audit saw in each round: held-out truths that truncation would lose, posterior density at edges "
        "that an earlier round cut, and shifts of the means."
    ),
    "spread": "Marginals of the observation by each network of the ensemble, around their mean, across the last box.",
    "combination": (
        "Posterior of the shared parameters by the number of observations, as 95% regions where they are a pair, and "
        "where the truths of mock ensembles lie in it. It is widened by the error that all observations share."
    ),
    "joint": (
        "Share of test simulations whose truth lies nearer to a random point than a fraction of the joint "
        "posterior, with the band that holds all of it in 99% of cases."
    ),
    "residuals": (
        "The observation, the noise-free prediction of the best-fitting posterior draw, and their difference in "
        "units of the noise; of a curve, the bands that hold 68% and 95% of what posterior draws predict; the last "
        "bars hold all beyond 6."
    ),
    "energy": (
        "Energy of the posterior by round and stage, and of a posterior and of each further one: with the "
        "simulations of the first round reused, with those of all rounds, or by the same estimator if the posterior "
        "lies in the last box. Where no counter of the processors can be read, CPU seconds times the power of a "
        "core."
    ),
    "comparison": (
        "Mean and central 68% of each marginal by TMNRE and by likelihood-based methods, relative to the best of "
        "them, whose quarter of a standard deviation is shaded; and what each method cost."
    ),
    "chains": (
        "Autocorrelation of the chains, a line a parameter, with the worst R-hat and the smallest bulk effective "
        "sample size."
    ),
    "summary_space": (
        "What linear and non-linear regressions read of each parameter from the network's summaries, held out; the "
        "share of the summaries' variance by direction; simulations and the observation in the first two of them, "
        "and the simulations nearest to it."
    ),
    "layers": (
        "What a linear regression reads of each parameter from each layer of the network, and its convolutions' "
        "most variable channels for the observation, less their mean over simulations."
    ),
    "attribution": (
        "What each element of the data adds to the log-ratio of each marginal at its peak, by integrated gradients "
        "from the mean simulation; the number ends the colours."
    ),
    "localisation": (
        "Mocks with a detectable subhalo (circle), and what each pixel adds to the log-ratio of its position, in "
        "the trained network and in one that learned the parameters of other simulations; the share of mocks whose "
        "map peaks at the subhalo, and chance."
    ),
    "sensitivity": (
        "Mass from which a subhalo is noticed at each place, by the mean log-ratio of its position, and beside it "
        "the mass from which half of those injected there are recovered."
    ),
}  # figures of an experiment

ILLUSTRATIONS: dict[str, str] = {
    "thermodynamics": (
        "The Ising model by Wolff's clusters (points) beside Onsager's energy, Yang's magnetisation and Kaufman's "
        "specific heat of finite lattices (lines)."
    ),
    "snapshots": "States of the largest lattice below, at and above the critical temperature.",
    "binder": (
        "Binder cumulants of three lattices; they cross at the critical temperature, whose exact value is the grey "
        "line."
    ),
    "slowing": (
        "Autocorrelation times of the magnetisation at the critical temperature, and effective samples a second, of "
        "spin-by-spin and cluster updates."
    ),
    "capacity": (
        "Patterns that a Hopfield network retrieves against its load, the half-points for ever larger networks "
        "beside the mean-field capacity, and the overlap of what is retrieved."
    ),
    "recall": "Patterns retrieved from corrupted starts, by learning rule, and when couplings change their signs.",
    "phases": (
        "Overlap with a pattern that heat-bath dynamics keep, against load and temperature, with the mean-field "
        "lines below which memories and glass exist."
    ),
    "landscapes": (
        "Energy along paths between two stored patterns for couplings as learned, perturbed and inverted; and the "
        "energy of parallel dynamics."
    ),
    "modern": (
        "Capacity of modern networks against dimension, bit errors of dense memories beside theory, and fixed "
        "points against inverse temperature."
    ),
    "learning": (
        "Divergence of bars and stripes from machines trained four ways, and annealed against exact partition "
        "functions."
    ),
    "machine": "Weights of the hidden units of the best machine, and patterns that it draws.",
    "annealing": (
        "How often simulated annealing of a spin glass ends in its exact ground state, and by how much energy it "
        "misses it."
    ),
    "gallery": (
        "Noisy images of which part is hidden, what a memory of simulations recalls from them, and the noise-free "
        "truth."
    ),
    "retrieval": (
        "How often the true simulation is recalled, by its pixels and by learned summaries, against the share of "
        "the image that is hidden."
    ),
    "denoising": "Error of denoised images in units of the noise: memory, nearest neighbour and principal components.",
    "outliers": (
        "ROC curves of images with planted artefacts: energies of the memory beside the scores of the "
        "misspecification test, and areas below them against the artefact's signal to noise."
    ),
    "motion": (
        "Damped pendulums: what SciNet saw, the truth, and its answers beyond; its error on the way through training."
    ),
    "latents": (
        "Each latent variable of SciNet against the stiffness and the damping of pendulums, and its divergence from "
        "the prior on the way through training."
    ),
    "momentum": (
        "SciNet's latent variable against the angular momentum that a collision conserves, how it goes with all "
        "that was seen, and the error on the way through training."
    ),
    "tomography": (
        "Error of measured probabilities against the number of latent variables, for one qubit and two, complete "
        "and incomplete tomography."
    ),
    "orbits": (
        "The Sun and Mars as seen from Earth and as predicted, heliocentric angles as a linear function of SciNet's "
        "latent variables against the truth, and the error against the time of training."
    ),
    "universes": (
        "Error of SciNet's velocities against the number of latent variables, for mock galaxies that obey the "
        "radial acceleration relation and for those with NFW haloes, and the divergences of the latent variables."
    ),
    "galaxies": (
        "The radial acceleration relation of SPARC, the error for galaxies left out of training against the number "
        "of latent variables, and how two latent variables go with the properties of galaxies."
    ),
    "answers": (
        "Simulated lenses that SciNet did not learn from, as it saw them, as it answers for every place, and "
        "without noise; divergences of its latent variables on the way through training."
    ),
    "combinations": (
        "How well each of the simulator's parameters follows from SciNet's latent variables, and the canonical "
        "directions in which these hold them."
    ),
    "maps": "Binarised images, and such maps drawn from the machine that learned them.",
    "couplings": (
        "Effective couplings of three pixels (crosses) with all others, their covariances, and the weights of the "
        "strongest hidden units."
    ),
    "kernels": (
        "Covariance of a random network's outputs at two inputs against the angle between these, for one to three "
        "hidden layers: infinite width (lines) and networks of 1024 neurons a layer (points)."
    ),
    "cumulants": (
        "Fourth cumulant of a network's output against its width, with the diagram's prediction, and the connected "
        "function of four different inputs beside the diagram."
    ),
    "convergence_theory/maps": "Maps of the projected mass of subhaloes, in cold and in warm dark matter.",
    "convergence_theory/couplings": (
        "Couplings of neighbouring pixels of such maps, cold and warm dark matter, with errors from independent parts."
    ),
    "summary_theory/strengths": "What each summary of an estimator contributes beyond the Gaussian theory.",
    "summary_theory/couplings": (
        "Third-order couplings of the summaries' components, from two independent halves of the simulations."
    ),
    "kurtosis": "Excess kurtosis of an embedding with random weights against its width, and its leading order.",
    "spread": "Spread of an ensemble of estimators beside that which the Gaussian process of its embedding predicts.",
    "depth": (
        "Excess kurtosis of deep networks against depth over width: measured, the exact product over layers, and "
        "its leading order."
    ),
    "teacher": (
        "Couplings of second, third and fourth order that a network learned from samples of another network, beside "
        "the other's."
    ),
    "score_matching": (
        "Couplings by closed-form score matching beside those of the action that made the data: a quartic action, "
        "and the three terms of lattice phi^4."
    ),
    "digits": (
        "Handwritten digits and what the learned theory draws; couplings of the middle pixel with all others; sizes "
        "of third-order couplings."
    ),
    "observables": (
        "Observables of lattice phi^4 on five lattices, beside known values, and pole masses beside the published ones."
    ),
    "flow": (
        "Action against the flow's logarithm of the density, weights of the flow's samples, and effective samples a "
        "CPU second beside those of Hamiltonian Monte Carlo."
    ),
    "fields": "Fields that the flow draws.",
    "trajectories": "Motion that a plain network and a Hamiltonian network learned, beside the true one.",
    "energies": (
        "Root-mean-square change of the true energy along learned motion, and mean square errors of all springs."
    ),
    "halo": "Mass of a dark-matter halo inside a radius, from the gradient of the learned Hamiltonian.",
    "process": (
        "Points of a mixture of Gaussians to which noise is added, points from which a learned score takes it away, "
        "and the entropy that the noise produces."
    ),
    "lines": (
        "Lines along which the learned probability flow of diffusion and of Poisson flow carries noise to the data, "
        "and the weights with which they arrive at each Gaussian."
    ),
    "densities": (
        "Mean square of sigma times the score, and of the learned score's error, against the noise; and the learned "
        "logarithm of the density beside the true one."
    ),
    "samplers": (
        "Posterior samples of a linear-Gaussian problem by moment matching and by gradients, in the two directions "
        "that the data determine best, beside the exact posterior (circles of one and two standard deviations), and "
        "eigenvalues of their whitened covariances."
    ),
    "wiener": (
        "A lensed Gaussian random field: the image, the source, its exact posterior mean and standard deviation, "
        "and those of posterior samples with the exact and the learned denoiser."
    ),
    "denoisers": (
        "Mean square errors of the Wiener filter, a learned denoiser and a Hopfield memory of what it learned from, "
        "on new fields."
    ),
    "drawn": (
        "Galaxies drawn from the learned prior, for the first of them the most similar that it learned from, and "
        "galaxies that it has not seen."
    ),
    "statistics": (
        "Flux, concentration, asymmetry, roughness and mean power of drawn and of unseen galaxies, distances to the "
        "nearest galaxy learned from, and the loss on the way through training."
    ),
    "sources": (
        "Mock lenses and their sources: posterior mean, a sample and standard deviation by the learned prior, an "
        "inversion with smooth pixels, a Sersic fit, and residuals of the sample."
    ),
    "ring": (
        "The galaxy behind a lens: the image, and without the lens's light; posterior samples of the source with "
        "the posterior-mean lens, a Sersic source, and residuals of both."
    ),
    "accuracy": (
        "Coverage of the source's posterior (TARP, with its 99% band), errors of three reconstructions, and "
        "chi-squared of residuals of all mocks."
    ),
}  # figures of the physics of AI; the analysis stands before a name that two of them have


def caption_of(case: str, illustration: str) -> str:
    """What a figure of an analysis shows; a case of images bears the experiment's name at its end: `arcs/lens-mock`.

    Raises
    ------
    KeyError
        If there is no such figure.
    """
    analysis = case.split("/")[0]
    specific = f"{analysis}/{illustration}"
    return ILLUSTRATIONS[specific if specific in ILLUSTRATIONS else illustration]
