import { createContext } from "react";

/** The state of the link: whether the last request was answered, or else what is gone. */
export type Link = "online" | "offline" | "ended";

export const LinkContext = createContext<Link>("online");
