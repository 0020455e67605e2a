"""Who is connected to a simulated terminal: clients, the session of each, and what each subscribed to.

It says nothing to a client, and takes no lock: the terminal's holds whenever it is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from easytrader_qmt.sim.native import ClientSide

__all__ = ["Attached", "Clients"]


class Attached:
    """One connected client."""

    def __init__(self, client: ClientSide, session: int) -> None:
        self.client = client
        self.session = session
        self.subscribed: set[str] = set()


class Clients:
    """The connected clients, and when each session id was last in use, by ``monotonic`` in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._attached: dict[int, Attached] = {}
        self._left: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._attached)

    def join(self, client: ClientSide, session: int, gap: float) -> bool:
        """Whether the client may come in: its session id is nobody else's, and has rested for ``gap`` seconds."""
        if any(one.session == session and one.client is not client for one in self._attached.values()):
            return False
        left = self._left.get(session)
        if left is not None and self._monotonic() - left < gap:
            return False
        self._attached[id(client)] = Attached(client, session)
        return True

    def leave(self, client: ClientSide) -> None:
        """The client is gone; its session id rests from now on."""
        attached = self._attached.pop(id(client), None)
        if attached is not None:
            self._left[attached.session] = self._monotonic()

    def leave_all(self) -> list[ClientSide]:
        """Every client is gone; who they were."""
        gone = [one.client for one in self._attached.values()]
        for client in gone:
            self.leave(client)
        return gone

    def of(self, client: ClientSide) -> Attached | None:
        """The client as it came in; None when it is not connected."""
        return self._attached.get(id(client))

    def subscribed(self, account_id: str) -> list[ClientSide]:
        """Who hears an account's pushes."""
        return [one.client for one in self._attached.values() if account_id in one.subscribed]
