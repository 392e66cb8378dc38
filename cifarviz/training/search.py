"""The search of a study: Optuna's samplers and pruners, told everything by the caller.

Optuna keeps nothing: a search is rebuilt from the trials in the store, so that a study goes on
after a restart.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from cifarviz.experiment.parameters import Choices, Range, Setting
from cifarviz.experiment.study import Study

if TYPE_CHECKING:
    import optuna

Outcome = Literal["complete", "pruned", "failed"]

# Trials drawn at random before TPE has something to learn from, at most and as part of all.
_RANDOM_TRIALS, _RANDOM_PART = 10, 4
# Trials that have ended before the median means anything.
_MEDIAN_OF = 4
# Significant digits of a drawn number.
_DIGITS = 3
# How often the next trial is drawn again if it equals an earlier one.
_TRIES = 50


class Search:
    """Chooses the settings of the next trial, and says which trials to end early.

    Trials are named by their number in the study, from 1.
    """

    def __init__(self, study: Study) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._spec = study
        self._own = study.base_settings()
        self._distributions = {
            parameter.key: self._distribution(parameter) for parameter in study.parameters
        }
        self._study = optuna.create_study(
            direction="maximize" if study.higher_is_better else "minimize",
            sampler=self._sampler(0),
            pruner=self._pruner(),
        )
        self._trials: dict[int, optuna.Trial] = {}
        self._tried: list[Mapping[str, Setting]] = []

    def add(self, number: int, settings: Mapping[str, Setting]) -> None:
        """Begin a trial with these settings.

        One outside of what is searched, as the experiment's own values may be, is not part of the
        search; in a grid those are.
        """
        self._tried.append(dict(settings))
        is_own = self._spec.sampler == "grid" and settings == self._own
        if is_own or self._is_searched(settings):
            self._study.enqueue_trial(dict(settings))
            self._trials[number] = self._study.ask(self._distributions)

    def next_settings(self, number: int) -> dict[str, Setting] | None:
        """Return the settings of the next trial, which ``add`` begins; ``None`` if none is left."""
        if self._spec.sampler == "grid":
            left = (one for one in self._spec.grid_settings() if one not in self._tried)
            return next(left, None)
        for attempt in range(_TRIES):
            self._study.sampler = self._sampler(number * _TRIES + attempt)
            trial = self._study.ask(self._distributions)
            # Drawn only: it begins when its run is queued.
            self._study.tell(trial, state=_states().FAIL)
            settings = {
                parameter.key: _rounded(parameter, trial.params[parameter.key])
                for parameter in self._spec.parameters
            }
            if settings not in self._tried:
                return settings
        return None

    def refuse(self, settings: Mapping[str, Setting]) -> None:
        """Do not return settings again that make no valid experiment."""
        self._tried.append(dict(settings))

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Report the value after an epoch; returns whether to end the trial."""
        trial = self._trials.get(number)
        if trial is None:
            return False
        trial.report(value, epoch)
        return trial.should_prune()

    def tell(self, number: int, value: float | None, outcome: Outcome) -> None:
        """Report how a trial ended; ``value`` is its best, if it has one."""
        trial = self._trials.pop(number, None)
        if trial is None:
            return
        if outcome == "complete" and value is not None:
            self._study.tell(trial, value)
        else:
            states = _states()
            # Of a pruned trial Optuna takes the last value that was reported.
            self._study.tell(trial, state=states.PRUNED if outcome == "pruned" else states.FAIL)

    def _is_searched(self, settings: Mapping[str, Setting]) -> bool:
        """Whether the settings are among those that the study tries."""
        is_grid = self._spec.sampler == "grid"
        return all(
            _contains(parameter, settings[parameter.key], grid=is_grid)
            for parameter in self._spec.parameters
        )

    def _distribution(self, parameter: Range | Choices) -> "optuna.distributions.BaseDistribution":
        from optuna import distributions

        if self._spec.sampler == "grid":
            # With the experiment's own value, so that other trials are judged beside it. Nothing
            # is drawn from it; TPE would prefer a value that it knows nothing about.
            own = self._own[parameter.key]
            known = _contains(parameter, own, grid=True)
            return distributions.CategoricalDistribution(
                parameter.grid() if known else (*parameter.grid(), own)
            )
        if isinstance(parameter, Choices):
            return distributions.CategoricalDistribution(parameter.values)
        if parameter.whole:
            low, high = int(parameter.low), int(parameter.high)
            return distributions.IntDistribution(low, high, log=parameter.log)
        return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)

    def _sampler(self, number: int) -> "optuna.samplers.BaseSampler":
        """Return the sampler for one draw, so that it does not depend on draws before a restart."""
        from optuna import samplers

        seed = (self._spec.seed * 1_000_003 + number) % 2**32
        if self._spec.sampler == "tpe":
            startup = min(_RANDOM_TRIALS, max(3, self._spec.trials // _RANDOM_PART))
            return samplers.TPESampler(n_startup_trials=startup, seed=seed)
        return samplers.RandomSampler(seed=seed)

    def _pruner(self) -> "optuna.pruners.BasePruner":
        from optuna import pruners

        if self._spec.pruner == "median":
            return pruners.MedianPruner(n_startup_trials=_MEDIAN_OF, n_warmup_steps=2)
        if self._spec.pruner == "halving":
            return pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
        return pruners.NopPruner()


def _rounded(parameter: Range | Choices, value: Setting) -> Setting:
    """Round a number from a range to what a person would type."""
    if isinstance(parameter, Choices) or not isinstance(value, float):
        return value
    return min(max(float(f"{value:.{_DIGITS}g}"), parameter.low), parameter.high)


def _contains(parameter: Range | Choices, value: Setting, *, grid: bool) -> bool:
    if not grid:
        return parameter.contains(value)
    return any(value == one and type(value) is type(one) for one in parameter.grid())


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState
