import { createContext } from "react";

/** Whether the server answered the last time that it was asked. */
export const LinkContext = createContext<"online" | "offline">("online");
