"""The search for a unit's OIPs: from many start images to the few that are kept, and on where none responds.

The response of a start image says nothing about where its ascent ends, so many starts are tried; but soon after, it
does. So three quarters of them are given up after an eighth of the steps, and all but a few after a half (successive
halving: Jamieson and Talwalkar 2016). Measured on Conv2D_3 of the reference network, the best of 32 starts reaches 0.98
of the best of 256 starts with four times the steps in this way, and no more if all 32 go to the end, at 3.6 times the
cost.
"""

import itertools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lib import stop
from lib.arrays import Integers, Reals
from lib.deadline import NEVER, Deadline, OutOfTime
from lib.network.units import Unit
from lib.oips.ascent import AscentState, cosine_rates
from lib.oips.batcher import BatchAscent
from lib.oips.constraint import CONSTRAINTS, ConstraintName
from lib.oips.growth import Growth
from lib.oips.parameterisation import Parameterisation
from lib.oips.similarity import distinct
from lib.oips.start_images import length_scales, start_image, start_seed
from lib.oips.style import STYLES, THOROUGH, in_style
from lib.oips.verdict import Verdict, response_ratio, verdict_of

NO_TURNS: AbstractContextManager[None] = nullcontext()
"""Whoever searches needs not wait for others."""


def let_all_in(_: int) -> AbstractContextManager[None]:
    """No search is turned away, whatever it takes."""
    return nullcontext()


def as_they_are(images: Reals) -> Reals:
    """Images that are stored whole."""
    return images


LONGER = 20
"""A unit is `silent` only after a search so many times as long."""

AGREEING = 0.8
"""Where half of the starts have not come to this part of the best one's response when they are first compared, the best
may be found by luck alone, and three times as many starts are added. On MNIST these are mostly units that no exemplar
makes respond; without it they reach 0.76 to 0.9 of what four times the starts find, other units 0.97 and more."""

SLOW = 8
"""Where half of the starts, or all, do not respond at all when they are first compared, more starts are of little use:
the way to the threshold is long, and nothing can be said yet of where it leads. Another search takes so many times the
steps. Measured on the six such maps of Conv2D_3 (MNIST), this alone finds 1.0 to 3.2 times the response of the first
search, on average 1.5; three times the starts instead find 0.6 to 1.1 of it, four times the steps 1.0 to 2.3."""

_STAGES = (1 / 8, 1 / 2, 1)  # parts of the steps
_FIRST_CUT = 4  # one in so many goes on after the first stage
_FINALISTS = 1.5  # as many as OIPs are kept, and half as many again: some will come to show the same pattern


@dataclass(frozen=True)
class Oip:
    """One original input pattern.

    `image`: float32 [H, W, C]. `curve`: the response at each step of its ascent, as in `AscentState`.
    `seed` and `length_scales` (pixels) make its start image again; `start` is that image's number in the search.
    """

    image: Reals
    response: float
    pre_activation: float
    curve: Reals
    seed: int
    length_scales: tuple[float, ...]
    start: int


@dataclass(frozen=True)
class Search:
    """What a search found: the OIPs, the best first, of so many that were `sought`, all in one `style` under one
    `constraint`; and how long it was, in image-steps.

    `agreement`: the median start's response over the best one's, when they were first compared; 0 where not even half
    of them responded.
    """

    oips: tuple[Oip, ...]
    style: str
    constraint: ConstraintName
    image_steps: int
    agreement: float
    sought: int

    @property
    def response(self) -> float:
        """The best OIP's."""
        return self.oips[0].response


@dataclass(frozen=True)
class Ground:
    """Where a search takes place: one layer under one constraint, optimised towards one objective."""

    ascent: BatchAscent
    starts: Callable[[Reals], Reals]  # noise to start images
    measure: Callable[[Reals, npt.ArrayLike], tuple[Reals, Reals]]  # images to responses and pre-activations
    parameterisation: Parameterisation
    signed: frozenset[int] = frozenset()  # the layer's units that stay linear
    facets: int = 1  # a unit's, which its starts take in turn (`lib.oips.matching`)
    let_in: Callable[[int], AbstractContextManager[None]] = let_all_in  # entered for a first search of so many
    stored: Callable[[Reals], Reals] = as_they_are  # what is left of images where they are stored in less precision


GroundOf = Callable[[str, ConstraintName, str], Ground]
"""From the names of a style, of a constraint and of an objective."""


def search_unit(
    unit: Unit,
    growth: Growth,
    ground_of: GroundOf,
    best_exemplar: Callable[[ConstraintName], float | None],
    *,
    dead: bool = False,
    deadline: Deadline = NEVER,
    turn: AbstractContextManager[None] = NO_TURNS,
) -> tuple[Search, Verdict, float | None]:
    """The OIPs of a unit, its verdict and its response ratio.

    A draft is one search, and what finds no response in it is `unreached`: nothing rests on so little.

    A style that does not search thoroughly gets one search. Where that leaves a doubt, one in the style that does
    (`THOROUGH`) takes its place: no style makes a verdict worse.

    There, where the first search does not reach the best exemplar it is repeated from other starts, longer each time.
    Where nothing responds, neither exemplar nor OIP, a search `LONGER` times as long (in image-steps) maximises the
    peak pre-activation under every constraint; what it finds grows on under the growth's objective, and is held against
    the best exemplar under the same constraint. A unit that is proved dead is not searched for longer.

    Args:
        ground_of: gives the ground for a style, a constraint and an objective.
        best_exemplar: response of the unit's best exemplar under a constraint; None without a data set.
        dead: whether a bound proves that no image makes the unit respond.
        deadline: when no ascent is begun any more but those of the first search, about which `Ground.let_in` decides.
        turn: entered, once, for searches that go on from a first one and a closer look: they take as long as hundreds.

    Raises:
        OutOfTime: the deadline passed before the verdict was beyond doubt, or would have. What was found so far is no
            result: it would stand for a search that was not made.
    """
    exemplar = best_exemplar(growth.constraint)
    ground = ground_of(growth.style, growth.constraint, growth.objective)
    signed = unit.index in ground.signed
    with ground.let_in(sum(steps * images for steps, images in stages_of(growth))):
        search = _search(unit, growth, ground)
    verdict = verdict_of(search.response, exemplar, dead=dead, signed=signed)
    if growth.quality == "draft":
        return search, "unreached" if verdict == "silent" else verdict, response_ratio(search.response, exemplar)
    later, spent = _until(deadline, unit, ground_of), 0
    if not STYLES[growth.style].thorough:
        if verdict in ("responded", "dead"):
            return search, verdict, response_ratio(search.response, exemplar)
        with turn:
            spent, growth = search.image_steps, in_style(growth, THOROUGH)
            search = _search(unit, growth, later(growth.style, growth.constraint, growth.objective))
            if not dead:
                search, exemplar = _search_thoroughly(unit, growth, later, search, exemplar, best_exemplar)
    elif not dead:
        search, exemplar = _search_thoroughly(unit, growth, later, search, exemplar, best_exemplar, turn)
    verdict = verdict_of(search.response, exemplar, dead=dead, signed=signed)
    search = replace(search, image_steps=spent + search.image_steps)
    return search, verdict, response_ratio(search.response, exemplar)


def _until(deadline: Deadline, unit: Unit, ground_of: GroundOf) -> GroundOf:
    """The same grounds, on which no ascent begins after the deadline."""

    @dataclass(frozen=True)
    class Timed:
        ascent: BatchAscent

        def optimise(self, *arguments: Any) -> AscentState:
            if deadline.passed:
                raise OutOfTime(f"the search for {unit} is not at its end")
            return self.ascent.optimise(*arguments)

    def timed(style: str, constraint: ConstraintName, objective: str) -> Ground:
        ground = ground_of(style, constraint, objective)
        return replace(ground, ascent=Timed(ground.ascent))

    return timed


def _search_thoroughly(
    unit: Unit,
    growth: Growth,
    ground_of: GroundOf,
    search: Search,
    exemplar: float | None,
    best_exemplar: Callable[[ConstraintName], float | None],
    turn: AbstractContextManager[None] = NO_TURNS,
) -> tuple[Search, float | None]:
    """All that is done behind a first search; gives the response of the best exemplar under its constraint as well."""
    enough = LONGER * search.image_steps
    ground = ground_of(growth.style, growth.constraint, growth.objective)
    signed = unit.index in ground.signed
    if search.response > 0 and search.agreement < AGREEING:
        slow = search.agreement <= 0
        more = replace(growth, steps=SLOW * growth.steps) if slow else replace(growth, starts=3 * growth.starts)
        search = _better(search, _search(unit, more, ground, growth.starts))
    if verdict_of(search.response, exemplar, dead=False, signed=signed) == "responded":
        return search, exemplar
    with turn:
        search = _search_again(unit, growth, ground_of, search, exemplar)
        if search.response <= 0 and not _responds(exemplar) and not signed:
            return _search_longer(unit, growth, ground_of, search, best_exemplar, enough)
    return search, exemplar


def _responds(exemplar: float | None) -> bool:
    return exemplar is not None and exemplar > 0


def _search_again(unit: Unit, growth: Growth, ground_of: GroundOf, search: Search, exemplar: float | None) -> Search:
    """Where an exemplar responds and the search did not do as well: from other starts, longer each time."""
    effort, first = 1, 4 * growth.starts
    ground = ground_of(growth.style, growth.constraint, growth.objective)
    least = -math.inf if unit.index in ground.signed else 0.0
    while exemplar is not None and exemplar > max(search.response, least) and effort < LONGER:
        effort *= 4
        longer = replace(growth, starts=2 * growth.starts, steps=max(growth.steps * effort // 2, 1))
        again = _search(unit, longer, ground, first)
        search = _better(search, again)
        first += longer.starts
    return search


def _search_longer(
    unit: Unit,
    growth: Growth,
    ground_of: GroundOf,
    search: Search,
    best_exemplar: Callable[[ConstraintName], float | None],
    enough: int,
) -> tuple[Search, float | None]:
    """`enough` image-steps under one constraint after another, until an OIP or an exemplar responds under one.

    Gives the best exemplar under that constraint as well.
    """
    spent = search.image_steps
    others = [name for name in CONSTRAINTS if name != growth.constraint]
    for constraint in (growth.constraint, *others):
        here = replace(growth, constraint=constraint)
        longer = replace(here, steps=4 * growth.steps)
        found = _search(unit, longer, ground_of(growth.style, constraint, "peak"), 4 * growth.starts)
        first = 5 * growth.starts
        while found.response <= 0 and found.image_steps < enough:
            found = _better(found, _search(unit, longer, ground_of(growth.style, constraint, "peak"), first))
            first += growth.starts
        if found.response > 0:
            origins = [(oip.start, oip.seed, oip.length_scales) for oip in found.oips]
            ground = ground_of(growth.style, constraint, growth.objective)
            images = ground.parameterisation.onto(np.stack([oip.image for oip in found.oips]))
            found = _better(found, _optimise(origins, images, unit, here, ground))
        exemplar = best_exemplar(constraint)
        found = _search_again(unit, here, ground_of, found, exemplar)
        spent += found.image_steps
        if found.response > 0 or _responds(exemplar):
            return replace(found, image_steps=spent), exemplar
        if constraint == growth.constraint:
            search = _better(search, found)
    return replace(search, image_steps=spent), best_exemplar(growth.constraint)


def stages_of(growth: Growth) -> list[tuple[int, int]]:
    """How many steps each stage of one search takes, and with how many images."""
    finalists, images = math.ceil(_FINALISTS * growth.oips), growth.starts
    found = []
    for number, (begin, end) in enumerate(itertools.pairwise(_ends(growth.steps))):
        if begin == end:
            continue
        found.append((end - begin, images))
        if end < growth.steps:
            images = min(images, max(images // _FIRST_CUT, finalists) if number == 0 else finalists)
    return found


def _ends(steps: int) -> list[int]:
    return [0, *(round(steps * stage) for stage in _STAGES)]


def _search(unit: Unit, growth: Growth, ground: Ground, first: int = 0) -> Search:
    """A search from the start images numbered from `first` on."""
    origins = []
    for number in range(first, first + growth.starts):
        stop.look()
        seed = start_seed(growth.seed, None if growth.shared_starts else str(unit), number)
        origins.append((number, seed, length_scales(number, growth.length_scales)))
    noise = np.stack([start_image(seed, scales, ground.parameterisation.canvas) for _, seed, scales in origins])
    return _optimise(origins, ground.starts(noise), unit, growth, ground)


def _optimise(
    origins: list[tuple[int, int, tuple[float, ...]]],
    images: Reals,
    unit: Unit,
    growth: Growth,
    ground: Ground,
) -> Search:
    alive = np.arange(len(origins))
    state = AscentState.from_starts(images, ground.parameterisation.shape)
    rates = cosine_rates(growth.steps, growth.step_size)
    moves = ground.parameterisation.moves([seed for _, seed, _ in origins], growth.steps)
    facets = np.array([number % ground.facets for number, _, _ in origins])
    finalists = math.ceil(_FINALISTS * growth.oips)
    image_steps, agreement = 0, 0.0
    for stage, (begin, end) in enumerate(itertools.pairwise(_ends(growth.steps))):
        if begin == end:
            continue
        state = ground.ascent.optimise(
            state,
            unit.index * ground.facets + facets[alive],
            np.repeat(rates[begin:end, None], len(alive), axis=1),
            moves[begin:end, alive],
        )
        image_steps += (end - begin) * len(alive)
        if stage == 0:
            best = float(state.score.max())
            agreement = max(float(np.median(state.score)), 0.0) / best if best > 0 else 0.0
        if end < growth.steps:
            order = _order(state, facets[alive])
            left = _first_cut(order, finalists) if stage == 0 else _last_cut(state, order, finalists)
            state, alive = state.take(left), alive[left]
    kept = distinct(state.best, _order(state, facets[alive]), growth.oips)
    shown = ground.stored(state.best[kept])
    responses, pre_activations = ground.measure(shown, np.full(len(kept), unit.index))
    if not np.isfinite([responses, pre_activations]).all():
        raise ArithmeticError(f"{unit} responds with infinities or NaN: its network cannot be used")
    oips = tuple(
        Oip(
            image=shown[row],
            response=float(responses[row]),
            pre_activation=float(pre_activations[row]),
            curve=state.curve[at],
            start=origins[alive[at]][0],
            seed=origins[alive[at]][1],
            length_scales=origins[alive[at]][2],
        )
        for row, at in enumerate(kept)
    )
    if ground.facets > 1:
        oips = tuple(sorted(oips, key=lambda oip: -oip.response))
    return Search(oips, growth.style, growth.constraint, image_steps, agreement, growth.oips)


def _order(state: AscentState, facets: Integers) -> Reals:
    """By what images come one before the other, [n]: the score; with several facets, whose scores are of different
    things, the best of each come first, then the second of each."""
    if not facets.any():
        return state.score
    places = np.empty(len(state))
    for facet in np.unique(facets):
        own = np.flatnonzero(facets == facet)
        places[own[np.argsort(-state.score[own], kind="stable")]] = np.arange(len(own)) + facet / (facets.max() + 1)
    return -places


def _first_cut(order: Reals, finalists: int) -> list[int]:
    most = max(len(order) // _FIRST_CUT, finalists)
    return sorted(np.argsort(-order, kind="stable")[:most].tolist())


def _last_cut(state: AscentState, order: Reals, finalists: int) -> list[int]:
    """The best of those that show different patterns already, before others: a unit's OIPs shall differ."""
    best = np.argsort(-order, kind="stable").tolist()
    different = distinct(state.best, order, finalists)
    alike = [at for at in best if at not in different]
    return sorted([*different, *alike][:finalists])


def _better(first: Search, second: Search) -> Search:
    best = second if second.response > first.response else first
    if first.response <= 0 and second.response <= 0:
        best = max(first, second, key=lambda search: search.oips[0].pre_activation)
    return replace(best, image_steps=first.image_steps + second.image_steps)
