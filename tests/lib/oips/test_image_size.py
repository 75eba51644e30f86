"""How large images are where nobody says: smaller than a large network's, for what sees a part of them."""

from typing import Any

import pytest

from lib.oips.image_size import SIDE, smaller_size, smaller_sizes


@pytest.mark.parametrize(
    ("own", "smaller"),
    [
        ((224, 224), (128, 128)),
        ((299, 299), (128, 128)),
        ((160, 224), (88, 128)),
        ((400, 160), (128, 48)),
        ((4000, 20), (128, 8)),
        ((SIDE, SIDE), None),
        ((28, 28), None),
        ((None, 224), None),
        ((None, None), None),
    ],
)
def test_the_longer_side_is_reduced_and_the_other_in_proportion(
    own: tuple[int | None, int | None], smaller: tuple[int, int] | None
) -> None:
    assert smaller_size(*own) == smaller


def network(side: int | None, *more: Any) -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            layers.Conv2D(4, 3, strides=2, padding="same", name="first"),
            layers.ReLU(name="rectified"),
            layers.Conv2D(4, 3, strides=2, padding="same", name="second"),
            *more,
        ]
    )


def test_maps_that_see_a_part_of_the_image_have_smaller_ones_and_nodes_have_not() -> None:
    from keras import layers

    model = network(160, layers.Flatten(), layers.Dense(2, name="dense"))
    assert smaller_sizes(model) == dict.fromkeys(("first", "rectified", "second"), (128, 128))
    assert smaller_sizes(network(128)) == {}
    assert smaller_sizes(network(None)) == {}


def test_maps_behind_what_sees_all_of_the_image_have_no_smaller_ones() -> None:
    import keras
    from keras import layers

    image = keras.Input((160, 160, 3))
    before = layers.Conv2D(4, 3, name="before")(image)
    gate = layers.Dense(4, activation="sigmoid", name="gate")(layers.GlobalAveragePooling2D(keepdims=True)(before))
    after = layers.Conv2D(4, 3, name="after")(layers.Multiply(name="weighed")([before, gate]))
    assert set(smaller_sizes(keras.Model(image, after))) == {"before"}


def test_maps_that_smaller_images_do_not_lead_to_keep_their_own() -> None:
    from keras import layers

    # of 160 pixels 40 are left, and of 128 fewer than the 36 that it takes
    model = network(160, layers.Conv2D(4, 36, name="wide"), layers.Conv2D(4, 1, name="behind"))
    assert set(smaller_sizes(model)) == {"first", "rectified", "second"}


def test_a_branch_that_fits_only_the_networks_own_size_stops_what_is_behind_it_alone() -> None:
    import keras
    from keras import layers

    image = keras.Input((160, 160, 3))
    first = layers.Conv2D(4, 3, padding="same", name="first")(image)
    halved = layers.MaxPooling2D(32, name="down")(first)  # 5 of 160 and 4 of 128
    again = layers.Cropping2D(((0, 155), (0, 155)), name="cropped")(first)  # 5 of 160 and nothing of 128
    model = keras.Model(image, layers.Conv2D(4, 1, name="joined")(layers.Concatenate()([halved, again])))
    assert {"first"} <= set(smaller_sizes(model))
    assert "joined" not in smaller_sizes(model)
