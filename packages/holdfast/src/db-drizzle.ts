/** `holdfast/db/drizzle`: the SQLite database of an actor with Drizzle. */
export * from "@holdfast/actors/db/drizzle";
