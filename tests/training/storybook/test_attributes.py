from sdtoolbox.training.storybook.attributes import ATTRIBUTES, describe, labels
from sdtoolbox.training.storybook.world import Item, Scene

SCENE = Scene((Item("cat", "blue", "small", "right"),), ground="snow", time="night", mountains=True)


def test_a_scene_is_described_place_by_place() -> None:
    found = describe(SCENE)
    assert found["kind right"] == "cat"
    assert found["color right"] == "blue"
    assert found["kind left"] == found["size middle"] == "none"
    assert (found["ground"], found["time"], found["mountains"]) == ("snow", "night", "yes")


def test_labels_are_numbers_in_the_order_of_the_attributes() -> None:
    found = describe(SCENE)
    named = {name: values[at] for (name, values), at in zip(ATTRIBUTES.items(), labels(SCENE), strict=True)}
    assert named == found
