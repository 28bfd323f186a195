import library from "@httptoolkit/dbus-native";
import type { DBusLibrary } from "./protocol.ts";

/** The package `@httptoolkit/dbus-native`, imported here only: a build bundles it into this module. */
export const dbus = library as unknown as DBusLibrary;
