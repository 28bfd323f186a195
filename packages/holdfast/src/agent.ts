export * from "@holdfast/agent";
