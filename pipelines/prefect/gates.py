"""Gates between stages: metrics that a stage must reach for the chain to continue."""

from prefect import get_run_logger

from espalier.pipelines.prefect.asking import ask
from espalier.pipelines.prefect.pages import image_markdown, key_of
from espalier.pipelines.run.dag import Node
from espalier.pipelines.run.results import metrics_of
from espalier.stages.config.load import stage_config, trains
from espalier.stages.config.params import pipeline_names, read_params
from espalier.stages.config.stage import StageConfig


class Gates:
    """The gates of a pipeline, set by params.yaml and the run's options."""

    def __init__(self, target: str, on_miss: str) -> None:
        self.on_miss = on_miss
        self._pipeline = target.partition("@")[0]
        self._configs: dict[str, StageConfig | None] = {}

    def _config(self, node: Node) -> StageConfig | None:
        """The configuration of a training stage of the target's pipeline; None for any other stage."""
        if node.name not in self._configs:
            params, stage = read_params(), node.name.partition("@")[2]
            ours = node.group == self._pipeline and node.group in pipeline_names(params)
            trained = ours and trains(params, node.group, stage)
            self._configs[node.name] = stage_config(params, node.group, stage) if trained else None
        return self._configs[node.name]

    def retries(self, node: Node) -> int:
        """Number of retries of a stage."""
        config = self._config(node)
        return 0 if config is None else config.retries

    def missed(self, node: Node) -> str | None:
        """Why the chain ends here: a missed gate that was not approved. None if the chain continues."""
        config = self._config(node)
        if config is None or config.gate is None or self.on_miss == "off":
            return None
        misses = config.gate.misses(metrics_of(node))
        if not misses:
            return None
        words = f"{node.name} misses its gate: {'; '.join(misses)}"
        asked = config.gate.on_miss if self.on_miss == "as configured" else self.on_miss
        return words if asked == "stop" else _ask(node, words)


def _ask(node: Node, words: str) -> str | None:
    """Pause the flow until a user approves or rejects on Prefect's page."""
    page = f"**{words}**\n\n{image_markdown(node.artifact / 'samples.png', 'samples')}"
    said = ask(page, f"gate-{key_of(node.name)}")
    comment = f" ({said.comment})" if said.comment else ""
    get_run_logger().info(f"{words}; {said.decision}{'d' if said.decision == 'approve' else 'ed'} by a user{comment}")
    return None if said.decision == "approve" else f"{words}; rejected{comment}"
