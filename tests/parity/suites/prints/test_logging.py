import logging

logging.warning("logged while importing")


def test_logging(caplog):
    logging.warning("logged while running")
    assert len(caplog.records) == 1
