/** Marks a request of an actor to the object of another one. The Worker removes it from requests of clients. */
export const internalHeader = "x-holdfast-from-object";
