import { createContext } from "react";

/** Whether the server answered the last time that it was asked, or else what of it is gone. */
export type Link = "online" | "offline" | "ended";

export const LinkContext = createContext<Link>("online");
