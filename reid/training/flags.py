"""Names of a command's options in the messages of a training."""

from dataclasses import dataclass

from reid.configs.groups.training import TrainConfig


@dataclass(frozen=True)
class FlagNames:
    """Options that a message of a training advises to change. The defaults are those of reid.pretrain and
    reid.finetune."""

    identities: str = "--ids-per-batch"
    """Option for the size of a batch."""

    per_identity: int = 1
    """Units of that option for one identity: 2 if it counts frames, two of each identity."""

    memory: str = "--chunks-per-id, --ids-per-batch or --chunk"
    """Options that, lowered, need less memory."""

    rates: str = "the learning rates (--lr-…)"
    """Options for the learning rates."""

    has_all: bool = True
    """Whether the command has --recompute and --clip-norm."""

    def for_identities(self, count: int) -> str:
        """The option for the size of a batch, as typed for `count` identities."""
        return f"{self.identities} {self.per_identity * count}"

    def less_memory(self, config: TrainConfig) -> str:
        """Advice for a step that does not fit in memory."""
        if not self.has_all or config.recompute:
            return f"lower {self.memory}"
        return f"pass --recompute{' in place of --compile' if config.compile else ''}, or lower {self.memory}"

    def calmer(self, config: TrainConfig) -> str:
        """Advice for a loss that is not finite."""
        clip = f", or {'lower' if config.clip_norm else 'give'} --clip-norm" if self.has_all else ""
        return f"lower {self.rates}{clip}"
