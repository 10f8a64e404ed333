"""The small network: one sample and the mean of 16, of the shipped one, and of your own where it has been trained."""

from evaluation.common_utils.network_param import NetworkParam, has_checkpoint
from models.sr3.diffusion import GaussianDiffusion
from models.sr3.mean_of_samples import MeanOfSamples

SAMPLES = 16


def main() -> list[NetworkParam]:
    """The networks that are compared."""
    shipped = NetworkParam(
        network_path="sr3_quickstart.safetensors", unique_name="quickstart_shipped", display_name="shipped"
    )
    networks = [shipped, mean_of_samples(shipped)]
    if has_checkpoint("sr3", "quickstart"):
        trained = NetworkParam("sr3", "quickstart", display_name="trained here", use_ema=True)
        networks += [trained, mean_of_samples(trained)]
    return networks


def mean_of_samples(network: NetworkParam, count: int = SAMPLES) -> NetworkParam:
    """The same network, of which the mean of several samples is taken."""

    def build() -> MeanOfSamples:
        net = network.load_net()
        if not isinstance(net, GaussianDiffusion):
            raise ValueError(
                f"{network.get_unique_name()} is a {type(net).__name__}; only diffusion models draw samples"
            )
        return MeanOfSamples(net, count)

    return NetworkParam(
        network=build,
        unique_name=f"{network.get_unique_name()}_mean{count}",
        display_name=f"{network.get_display_name()}, mean of {count}",
    )
