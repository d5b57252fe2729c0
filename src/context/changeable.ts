/**
 * The objects that applications take for the module. What they assign there counts for the whole process, as with node:tls. The properties
 * are plain ones, since what mocks and spies on a module refuses accessors.
 */
const modules: object[] = [];

/** From here on, what is assigned to properties of `module` counts. */
export function heed(module: object): void {
  modules.push(module);
}

/** `originals`, whose properties are looked up at each use: the first that a module has changed. */
export function lookUp<Originals extends object>(originals: Originals): Originals {
  const looked: Originals = { ...originals };
  for (const [name, original] of Object.entries(originals)) {
    const get = (): unknown => {
      for (const module of modules) {
        const value: unknown = Reflect.get(module, name);
        if (value !== original && name in module) return value;
      }
      return original;
    };
    Object.defineProperty(looked, name, { enumerable: true, get });
  }
  return looked;
}
