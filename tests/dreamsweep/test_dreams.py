"""Dreams, read from a store of earlier code."""

import numpy as np

import dreamsweep


def test_each_dream_is_listed_once_with_the_picture_that_it_began_with(store: dreamsweep.Store) -> None:
    dreams = dreamsweep.list_dreams(store)
    assert len({dream.record.recipe for dream in dreams}) == len(dreams) > 3
    assert {"octaves", "carve"} <= {dream.mode for dream in dreams}
    for dream in dreams:
        assert dream.title.partition(".png")[0] in ("rose", "garden/tulip")
        assert np.asarray(dream.original).std() > 1


def test_a_dream_is_another_picture_than_its_original_and_the_one_that_a_notebook_shows(
    store: dreamsweep.Store,
) -> None:
    dream = next(dream for dream in dreamsweep.list_dreams(store) if dream.mode == "carve")
    before, after = (np.asarray(picture.convert("L"), float) for picture in (dream.original, dream.picture))
    assert before.shape == after.shape
    assert np.abs(before - after).mean() > 0.5
    assert dream._repr_png_() == store.get(dream.record.output("picture").digest)
