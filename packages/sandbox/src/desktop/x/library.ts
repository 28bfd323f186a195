/// <reference path="./x11.d.ts" />
import library from "x11";
import type { X11 } from "./protocol.ts";

/** The package `x11`, imported here only: a build bundles it into this module. */
export const x11 = library as X11;
