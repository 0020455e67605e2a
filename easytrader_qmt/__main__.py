"""``python -m easytrader_qmt``: the same as the ``easytrader-qmt`` command."""

from easytrader_qmt.cli import main

if __name__ == "__main__":
    main()
