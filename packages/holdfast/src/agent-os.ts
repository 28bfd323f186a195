/** An agent's computer as an actor; published as `holdfast/agent-os`, and needs the package `@holdfast/agent-os`. */
export * from "@holdfast/agent-os";
