/** Directory with one folder per built-in plugin: `plugins.builtInDirectory` of a gate. */
export const pluginsDirectory: string = import.meta.dirname;
