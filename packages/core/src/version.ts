/** The version of Holdfast: all its packages have the same one. `npm run release -- --prepare` writes the next one here. */
export const version = "0.1.0";
