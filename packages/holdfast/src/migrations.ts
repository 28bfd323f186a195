/** `holdfast/unstable/migrations`: the schema of an actor's database, a version at a time. */
export * from "@holdfast/actors/unstable/migrations";
