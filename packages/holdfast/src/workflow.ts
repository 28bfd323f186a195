export * from "@holdfast/actors/workflow";
