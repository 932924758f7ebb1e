"""Which ordered pairs of families other libraries answer: docs/figures/peers_pairs.json.

Each library is asked for its divergence of one member of every pair of families that it has under
our names; what raises NotImplementedError is not answered. Beside these, the pairs of classes that
its registry holds, under its own names. Needs the extra test:

    python docs/figures/peers_pairs.py
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("peers_pairs.json")
Members = dict[str, Any]
"""An object of the library for each of our names, some of its parameters times a factor."""


def torch_members(s: float) -> Members:
    import torch
    import torch.distributions as d

    zeros, eye, vector = torch.zeros(2), s * torch.eye(2), torch.tensor([0.3 * s, 1 - 0.3 * s])
    normals = d.Normal(zeros, s)
    one, two = torch.tensor(1.5 * s), torch.tensor(2.5)
    return {
        "Normal": d.Normal(0.0, s),
        "LogNormal": d.LogNormal(0.0, s),
        "HalfNormal": d.HalfNormal(s),
        "StudentT": d.StudentT(3 * s),
        "Cauchy": d.Cauchy(0.0, s),
        "HalfCauchy": d.HalfCauchy(s),
        "Laplace": d.Laplace(0.0, s),
        "Gumbel": d.Gumbel(0.0, s),
        "Exponential": d.Exponential(s),
        "Gamma": d.Gamma(one, two),
        "InverseGamma": d.InverseGamma(one, two),
        "Chi2": d.Chi2(3 * s),
        "Weibull": d.Weibull(1.0, 2 * s),
        "Pareto": d.Pareto(1.0, 2 * s),
        "GeneralizedPareto": d.GeneralizedPareto(0.0, s, 0.1),
        "FisherSnedecor": d.FisherSnedecor(3 * s, 4.0),
        "Beta": d.Beta(one, two),
        "Kumaraswamy": d.Kumaraswamy(one, two),
        "Uniform": d.Uniform(0.0, s),
        "ContinuousBernoulli": d.ContinuousBernoulli(0.3 * s),
        "VonMises": d.VonMises(0.0, s),
        "Bernoulli": d.Bernoulli(0.3 * s),
        "Binomial": d.Binomial(3, torch.tensor(0.3 * s)),
        "Geometric": d.Geometric(0.3 * s),
        "NegativeBinomial": d.NegativeBinomial(3, torch.tensor(0.3 * s)),
        "Poisson": d.Poisson(s),
        "Probs": d.Categorical(vector),
        "MultivariateNormal": d.MultivariateNormal(zeros, eye),
        "LowRankMultivariateNormal": d.LowRankMultivariateNormal(zeros, eye, zeros + 1),
        "Dirichlet": d.Dirichlet(vector),
        "Multinomial": d.Multinomial(3, vector),
        "Wishart": d.Wishart(torch.tensor(3.0), eye),
        "Independent": d.Independent(normals, 1),
        "Mixture": d.MixtureSameFamily(d.Categorical(vector), normals),
        "Transformed": d.TransformedDistribution(d.Normal(0.0, s), d.SigmoidTransform()),
    }


def numpyro_members(s: float) -> Members:
    import jax.numpy as jnp
    import numpyro.distributions as d

    zeros, eye, vector = jnp.zeros(2), s * jnp.eye(2), jnp.asarray([0.3 * s, 1 - 0.3 * s])
    normals = d.Normal(zeros, s)
    return {
        "Normal": d.Normal(0.0, s),
        "LogNormal": d.LogNormal(0.0, s),
        "HalfNormal": d.HalfNormal(s),
        "TruncatedNormal": d.TruncatedNormal(0.0, 1.0, low=0.0, high=s),
        "StudentT": d.StudentT(3 * s),
        "Cauchy": d.Cauchy(0.0, s),
        "HalfCauchy": d.HalfCauchy(s),
        "Laplace": d.Laplace(0.0, s),
        "AsymmetricLaplace": d.AsymmetricLaplace(0.0, s, 2.0),
        "Logistic": d.Logistic(0.0, s),
        "Gumbel": d.Gumbel(0.0, s),
        "Exponential": d.Exponential(s),
        "Gamma": d.Gamma(1.5 * s, 2.5),
        "InverseGamma": d.InverseGamma(1.5 * s, 2.5),
        "Chi2": d.Chi2(3 * s),
        "Weibull": d.Weibull(1.0, 2 * s),
        "Pareto": d.Pareto(1.0, 2 * s),
        "Beta": d.Beta(1.5 * s, 2.5),
        "Kumaraswamy": d.Kumaraswamy(1.5 * s, 2.5),
        "Uniform": d.Uniform(0.0, s),
        "VonMises": d.VonMises(0.0, s),
        "Delta": d.Delta(jnp.asarray(1)),
        "Bernoulli": d.Bernoulli(0.3 * s),
        "Binomial": d.Binomial(3, 0.3 * s),
        "BetaBinomial": d.BetaBinomial(1.5 * s, 2.5, 3),
        "Geometric": d.Geometric(0.3 * s),
        "NegativeBinomial": d.NegativeBinomialProbs(3, 0.3 * s),
        "Poisson": d.Poisson(s),
        "Probs": d.Categorical(vector),
        "MultivariateNormal": d.MultivariateNormal(zeros, eye),
        "LowRankMultivariateNormal": d.LowRankMultivariateNormal(zeros, eye, zeros + 1),
        "MultivariateStudentT": d.MultivariateStudentT(3.0, zeros, eye),
        "Dirichlet": d.Dirichlet(vector),
        "Multinomial": d.Multinomial(3, vector),
        "Wishart": d.Wishart(3.0, eye),
        "InverseWishart": d.InverseWishart(3.0, eye),
        "MatrixNormal": d.MatrixNormal(jnp.zeros((2, 2)), eye, eye),
        "Independent": d.Independent(normals, 1),
        "Mixture": d.MixtureSameFamily(d.Categorical(vector), normals),
        "Transformed": d.TransformedDistribution(d.Normal(0.0, s), d.transforms.SigmoidTransform()),
    }


def tfp_members(s: float) -> Members:
    import jax.numpy as jnp
    import tensorflow_probability.substrates.jax as tfp

    d = tfp.distributions
    zeros, eye, vector = jnp.zeros(2), s * jnp.eye(2), jnp.asarray([0.3 * s, 1 - 0.3 * s])
    normals = d.Normal(zeros, s)
    root = d.MultivariateNormalTriL(zeros, eye).scale
    return {
        "Normal": d.Normal(0.0, s),
        "LogNormal": d.LogNormal(0.0, s),
        "HalfNormal": d.HalfNormal(s),
        "TruncatedNormal": d.TruncatedNormal(0.0, 1.0, 0.0, s),
        "LogitNormal": d.LogitNormal(0.0, s),
        "StudentT": d.StudentT(3 * s, 0.0, 1.0),
        "Cauchy": d.Cauchy(0.0, s),
        "HalfCauchy": d.HalfCauchy(0.0, s),
        "Laplace": d.Laplace(0.0, s),
        "Logistic": d.Logistic(0.0, s),
        "Gumbel": d.Gumbel(0.0, s),
        "Moyal": d.Moyal(0.0, s),
        "Exponential": d.Exponential(s),
        "Gamma": d.Gamma(1.5 * s, 2.5),
        "InverseGamma": d.InverseGamma(1.5 * s, 2.5),
        "Chi": d.Chi(3 * s),
        "Chi2": d.Chi2(3 * s),
        "Weibull": d.Weibull(2 * s, 1.0),
        "InverseGaussian": d.InverseGaussian(s, 2.0),
        "Pareto": d.Pareto(2 * s, 1.0),
        "GeneralizedPareto": d.GeneralizedPareto(0.0, s, 0.1),
        "Beta": d.Beta(1.5 * s, 2.5),
        "Kumaraswamy": d.Kumaraswamy(1.5 * s, 2.5),
        "Uniform": d.Uniform(0.0, s),
        "Triangular": d.Triangular(0.0, s, 0.5),
        "ContinuousBernoulli": d.ContinuousBernoulli(probs=0.3 * s),
        "VonMises": d.VonMises(0.0, s),
        "Delta": d.Deterministic(0.5),
        "Bernoulli": d.Bernoulli(probs=0.3 * s),
        "Binomial": d.Binomial(3.0, probs=0.3 * s),
        "BetaBinomial": d.BetaBinomial(3.0, 1.5 * s, 2.5),
        "Geometric": d.Geometric(probs=0.3 * s),
        "NegativeBinomial": d.NegativeBinomial(3.0, probs=0.3 * s),
        "Poisson": d.Poisson(s),
        "Zipf": d.Zipf(2.5 * s),
        "Probs": d.Categorical(probs=vector),
        "MultivariateNormal": d.MultivariateNormalTriL(zeros, eye),
        "LowRankMultivariateNormal": d.MultivariateNormalDiagPlusLowRankCovariance(
            zeros, zeros + 1, eye
        ),
        "MultivariateStudentT": d.MultivariateStudentTLinearOperator(3.0, zeros, root),
        "Dirichlet": d.Dirichlet(vector),
        "Multinomial": d.Multinomial(3.0, probs=vector),
        "Wishart": d.WishartTriL(3.0, eye),
        "MatrixNormal": d.MatrixNormalLinearOperator(jnp.zeros((2, 2)), root, root),
        "VonMisesFisher": d.VonMisesFisher(jnp.asarray([1.0, 0.0]), s),
        "Independent": d.Independent(normals, 1),
        "Mixture": d.MixtureSameFamily(d.Categorical(probs=vector), normals),
        "Transformed": d.TransformedDistribution(d.Normal(0.0, s), tfp.bijectors.Sigmoid()),
    }


def answered(
    members: Callable[[float], Members], divergence: Callable[[Any, Any], Any]
) -> dict[str, list[str]]:
    """For each family as P, those that are answered as Q, at other parameters."""
    found: dict[str, list[str]] = {}
    ps, qs = members(1.0), members(1.1)
    for p in ps:
        for q in qs:
            if tuple(ps[p].event_shape) != tuple(qs[q].event_shape):
                continue
            try:
                divergence(ps[p], qs[q])
            except NotImplementedError:
                continue
            found.setdefault(p, []).append(q)
    return found


def named(registered: Iterable[tuple[type, type]]) -> list[list[str]]:
    return sorted([p.__name__, q.__name__] for p, q in registered)


def of_torch() -> dict[str, Any]:
    from torch.distributions import kl

    return {
        "version": version("torch"),
        "registered": named(kl._KL_REGISTRY),
        "answers": answered(torch_members, kl.kl_divergence),
    }


def of_numpyro() -> dict[str, Any]:
    from numpyro.distributions.kl import kl_divergence

    return {
        "version": version("numpyro"),
        "registered": named(pair for pair in kl_divergence.funcs),
        "answers": answered(numpyro_members, kl_divergence),
    }


def of_tfp() -> dict[str, Any]:
    from tensorflow_probability.substrates.jax.distributions import kullback_leibler

    return {
        "version": version("tfp-nightly"),
        "registered": named(kullback_leibler._DIVERGENCES),
        "answers": answered(tfp_members, kullback_leibler.kl_divergence),
    }


def of_scipy() -> dict[str, Any]:
    """SciPy has rel_entr, kl_div and entropy of arrays, and no function of two distributions."""
    return {"version": version("scipy"), "registered": [], "answers": {}}


PEERS: dict[str, Callable[[], dict[str, Any]]] = {
    "torch": of_torch,
    "tfp": of_tfp,
    "numpyro": of_numpyro,
    "scipy": of_scipy,
}


def text(pairs: dict[str, Any]) -> str:
    """JSON with a line for each family."""
    lines = []
    for name, peer in pairs.items():
        rows = [f"      {json.dumps(p)}: {json.dumps(qs)}" for p, qs in peer["answers"].items()]
        answers = "{\n" + ",\n".join(rows) + "\n    }" if rows else "{}"
        lines.append(
            f'  {json.dumps(name)}: {{\n    "version": {json.dumps(peer["version"])},\n'
            f'    "registered": {json.dumps(peer["registered"])},\n    "answers": {answers}\n  }}'
        )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def made() -> str:
    with warnings.catch_warnings():
        # TensorFlow Probability's import warns about what JAX is to remove.
        warnings.simplefilter("ignore")
        return text({name: peer() for name, peer in PEERS.items()})


if __name__ == "__main__":
    PAGE.write_text(made(), encoding="utf-8")
    pairs = json.loads(PAGE.read_text(encoding="utf-8"))
    for name, peer in pairs.items():
        count = sum(len(qs) for qs in peer["answers"].values())
        sys.stdout.write(f"{name}: {len(peer['registered'])} registered, {count} answered\n")
