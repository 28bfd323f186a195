/** `holdfast/unstable/migrations`: versioned schema migrations of an actor's database. */
export * from "@holdfast/actors/unstable/migrations";
