"""The first tables.

They are written out here, and not taken from the schema, which is what they have become since.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "stores",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("store_id", sa.String(32), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("views", sa.Integer, nullable=False),
        sa.Column("chains", sa.Integer, nullable=False),
        sa.Column("ends", sa.LargeBinary(16), nullable=False),
        sa.Column("next_delivery", sa.BigInteger, nullable=False),
        sa.Column("outbox", sa.LargeBinary(16), nullable=False),
        sa.Column("next_request", sa.BigInteger, nullable=False),
        sa.Column("last_request", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "views",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )
    op.create_index("ix_views_camera", "views", ["camera"])
    op.create_table(
        "chains",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_mac", sa.LargeBinary(16), nullable=False),
        sa.Column("last_time", sa.Double),
        sa.Column("stored_at", sa.Double),
        sa.Column("checkpoint_seq", sa.BigInteger),
        sa.Column("checkpoint_mac", sa.LargeBinary(16)),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )
    op.create_index("chains_camera_lane", "chains", ["camera", "lane"], unique=True)
    op.create_table(
        "segments",
        sa.Column("chain_id", sa.Integer, sa.ForeignKey("chains.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger),
        sa.Column("first_time", sa.Double),
        sa.Column("last_time", sa.Double),
        sa.Column("size", sa.BigInteger),
        sa.Column("head", sa.LargeBinary(16)),
        sa.Column("stored_at", sa.Double),
        sa.Column("sealed_at", sa.Double),
        sa.Column("dropped_at", sa.Double),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "number"),
    )
    op.create_table(
        "records",
        sa.Column("chain_id", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("view_id", sa.Integer),
        sa.Column("kind", sa.SmallInteger, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "seq"),
        sa.ForeignKeyConstraint(["chain_id"], ["chains.id"]),
        sa.ForeignKeyConstraint(["view_id"], ["views.id"]),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("event_id", sa.String(32), primary_key=True),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("region", sa.Text),
        sa.Column("label_group", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("start_time", sa.Double, nullable=False),
        sa.Column("end_time", sa.Double),
        sa.Column("view_id", sa.Integer, sa.ForeignKey("views.id")),
        sa.Column("opened_seq", sa.BigInteger, nullable=False),
        sa.Column("closed_seq", sa.BigInteger),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text),
        sa.Column("held", sa.SmallInteger, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("first_chain_seq", sa.BigInteger, nullable=False),
        sa.Column("chain_seq", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )
    op.create_index("events_start_time", "events", ["start_time"])
    op.create_index("events_camera", "events", ["camera", "start_time"])
    op.create_index("events_end_time", "events", ["end_time"])
    op.create_table(
        "evidence",
        sa.Column("chain_id", sa.Integer, sa.ForeignKey("chains.id"), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.String(32), sa.ForeignKey("events.event_id"), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.Double, nullable=False),
        sa.Column("chain_seq", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.Double),
        sa.Column("why", sa.Text),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "seq"),
    )
    op.create_index("ix_evidence_event_id", "evidence", ["event_id"])
    op.create_index("ix_evidence_digest", "evidence", ["digest"])
    op.create_table(
        "checkpoints",
        sa.Column("camera", sa.Text, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("checkpoint", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )
    op.create_index("outbox_sink", "outbox", ["sink", "id"])
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("event_id", sa.String(32), nullable=False),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("mac", sa.LargeBinary(16), nullable=False),
    )


def downgrade() -> None:
    """There is nothing before it."""
    raise NotImplementedError("a store is not taken back to an earlier version")
