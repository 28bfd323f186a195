import type { LinkState } from "@holdfast/web-parts";
import { createContext } from "react";

/** Whether the server answered the last time that it was asked. */
export const LinkContext = createContext<LinkState>("online");
