import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { migrateLargeCalls } from "@holdfast/adapter-kit";

const migrateTables = migrations({
  tableName: "langgraph_thread_migrations",
  migrations: [
    {
      version: 1,
      // A value of a channel is stored once, however many checkpoints have it: `channels` maps names to its rows.
      sql: `
        CREATE TABLE checkpoint (
          namespace TEXT NOT NULL, id TEXT NOT NULL, parent_id TEXT, channels TEXT NOT NULL,
          type TEXT NOT NULL, bytes BLOB NOT NULL, metadata_type TEXT NOT NULL, metadata_bytes BLOB NOT NULL,
          PRIMARY KEY (namespace, id)
        ) STRICT;
        CREATE INDEX checkpoint_by_id ON checkpoint (id, namespace);
        CREATE TABLE channel_value (
          row INTEGER PRIMARY KEY, namespace TEXT NOT NULL, channel TEXT NOT NULL, version TEXT NOT NULL,
          type TEXT NOT NULL, bytes BLOB NOT NULL
        ) STRICT;
        CREATE INDEX channel_value_by_version ON channel_value (namespace, channel, version);
        CREATE TABLE pending_write (
          namespace TEXT NOT NULL, checkpoint_id TEXT NOT NULL, task_path TEXT NOT NULL, task_id TEXT NOT NULL,
          position INTEGER NOT NULL, channel TEXT NOT NULL, type TEXT NOT NULL, bytes BLOB NOT NULL,
          PRIMARY KEY (namespace, checkpoint_id, task_id, position)
        ) STRICT;`,
    },
  ],
});

/** Makes the tables of a thread. */
export async function migrateThread(db: RawAccess): Promise<void> {
  await migrateLargeCalls(db);
  await migrateTables(db);
}
