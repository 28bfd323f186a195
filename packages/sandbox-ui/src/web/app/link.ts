import { createContext } from "react";

/** Result of the last request. "ended" if the sandbox of a task has stopped with its agent; "offline" retries by itself. */
export type Link = "online" | "offline" | "ended";

export const LinkContext = createContext<Link>("online");
