import dataclasses
import pickle


@dataclasses.dataclass
class Data:
    x: int


def test_pickle():
    assert pickle.loads(pickle.dumps(Data(1))) == Data(1)
