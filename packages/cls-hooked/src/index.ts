/** `@colophon/context/cls` under a package's name, so that npm's `overrides` can put it in cls-hooked's place. The very same object. */
import cls = require('@colophon/context/cls');

export = cls;
