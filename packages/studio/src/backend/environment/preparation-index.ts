import type { OpenPreparation } from "../../environments/environment-backend.ts";

/** The part of an actor's key-value store that is used here. */
export interface IndexStore {
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  list(prefix: string): Promise<[key: string, value: string][]>;
}

interface PreparationRow extends OpenPreparation {
  readonly version: 1;
}

const prefix = "preparation/";

/** Adds a preparation to those that go on after a restart. */
export function addPreparation(kv: IndexStore, preparation: OpenPreparation): Promise<void> {
  const row: PreparationRow = { version: 1, ...preparation };
  return kv.put(`${prefix}${row.id}`, JSON.stringify(row));
}

export function removePreparation(kv: IndexStore, id: string): Promise<void> {
  return kv.delete(`${prefix}${id}`);
}

/** The preparations of a data directory that have not ended. */
export async function openPreparations(kv: IndexStore, place: string): Promise<readonly OpenPreparation[]> {
  const rows = (await kv.list(prefix)).map(([, value]) => JSON.parse(value) as PreparationRow);
  return rows.filter((row) => row.place === place);
}

/** Internal actions of the organization about its preparations. */
export const preparationInternals = {
  preparationStarted: (c: { readonly kv: IndexStore }, preparation: OpenPreparation): Promise<void> =>
    addPreparation(c.kv, preparation),

  preparationEnded: (c: { readonly kv: IndexStore }, id: string): Promise<void> =>
    removePreparation(c.kv, id),

  openPreparations: (c: { readonly kv: IndexStore }, place: string): Promise<readonly OpenPreparation[]> =>
    openPreparations(c.kv, place),
};
