import { HoldfastError } from "@holdfast/core";
import type { NewNotificationDevice, NotificationDevice } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { PushSubscription } from "./port.ts";
import type { NotificationDatabase } from "./schema.ts";

interface StoredDevice extends PushSubscription {
  readonly id: string;
  readonly name: string;
  readonly added_at: number;
  readonly delivered_at: number | null;
  readonly error: string | null;
}

const columns = "id, endpoint, p256dh, auth, name, added_at, delivered_at, error";

export function listDevices(db: NotificationDatabase): readonly NotificationDevice[] {
  return db.query<StoredDevice>(`SELECT ${columns} FROM device ORDER BY added_at, id`).map(toDevice);
}

function toDevice({ id, name, added_at, delivered_at, error }: StoredDevice): NotificationDevice {
  return {
    ...{ id, name, addedAt: added_at },
    ...(delivered_at === null ? {} : { deliveredAt: delivered_at }),
    ...(error === null ? {} : { error }),
  };
}

export function subscriptionOf(db: NotificationDatabase, id: string): PushSubscription | undefined {
  return db.get<PushSubscription>("SELECT endpoint, p256dh, auth FROM device WHERE id = ?", id);
}

/** Adds a device, or renews the one with this endpoint. Throws `notification.too_many_devices`. */
export async function putDevice(
  db: NotificationDatabase,
  { endpoint, keys, name }: NewNotificationDevice,
  id: string,
  now: number,
): Promise<NotificationDevice> {
  const known = db.get<{ id: string }>("SELECT id FROM device WHERE endpoint = ?", endpoint);
  const count = db.get<{ count: number }>("SELECT count(*) AS count FROM device")?.count ?? 0;
  if (known === undefined && count >= studioLimits.maxNotificationDevices) {
    const message = `There are ${count} devices already. Remove one that you do not use any more.`;
    throw new HoldfastError("notification", "too_many_devices", message, { statusCode: 409 });
  }
  const [row] = await db.execute<StoredDevice>(
    `INSERT INTO device (id, endpoint, p256dh, auth, name, added_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth, name = excluded.name,
       error = NULL
     RETURNING ${columns}`,
    ...[id, endpoint, keys.p256dh, keys.auth, name, now],
  );
  if (row === undefined) throw new Error("SQLite returned no row for a device that it stored");
  return toDevice(row);
}

/** Removes a device and what waits for it. */
export async function removeDevice(db: NotificationDatabase, id: string): Promise<void> {
  await db.execute("DELETE FROM device WHERE id = ?", id);
  await db.execute("DELETE FROM delivery WHERE channel = 'push' AND device = ?", id);
}

export async function noteDevice(
  db: NotificationDatabase,
  id: string,
  outcome: { readonly deliveredAt: number } | { readonly error: string },
): Promise<void> {
  if ("error" in outcome) await db.execute("UPDATE device SET error = ? WHERE id = ?", outcome.error, id);
  else
    await db.execute(
      "UPDATE device SET error = NULL, delivered_at = ? WHERE id = ?",
      outcome.deliveredAt,
      id,
    );
}
