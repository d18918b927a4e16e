import type { EntitySchema } from 'typeorm';
import type { TypeOrm } from './versions.js';

export interface Author {
  id?: number;
  name: string;
  born?: number | null;
  deletedAt?: Date | null;
  books?: Book[];
}

export interface Book {
  id?: number;
  title: string;
  copies?: number;
  version?: number;
  author?: Author | Promise<Author> | null;
  tags?: Tag[];
}

export interface Tag {
  label: string;
}

/** What the application's own subscriber writes down. */
export interface Note {
  id?: number;
  text: string;
}

/** Entities with soft deletion, a version column, cascades both ways and a join table; `book.author` is lazy unless told otherwise. */
export function librarySchema({ EntitySchema }: TypeOrm, lazy = true) {
  const author = new EntitySchema<Author>({
    name: 'author',
    columns: {
      id: { type: 'int', primary: true, generated: 'increment' },
      name: { type: 'text', unique: true },
      born: { type: 'int', nullable: true },
      deletedAt: { type: 'timestamptz', deleteDate: true, nullable: true },
    },
    checks: [{ name: 'born_sane', expression: 'born > 0' }],
    relations: {
      books: { type: 'one-to-many', target: 'book', inverseSide: 'author', cascade: true },
    },
  });
  const book = new EntitySchema<Book>({
    name: 'book',
    columns: {
      id: { type: 'int', primary: true, generated: 'increment' },
      title: { type: 'text' },
      copies: { type: 'int', default: 1 },
      version: { type: 'int', version: true },
    },
    relations: {
      author: {
        type: 'many-to-one',
        target: 'author',
        inverseSide: 'books',
        lazy,
        onDelete: 'CASCADE',
      },
      tags: {
        type: 'many-to-many',
        target: 'tag',
        cascade: true,
        joinTable: { name: 'book_tag' },
      },
    },
  });
  const tag = new EntitySchema<Tag>({ name: 'tag', columns: { label: { type: 'text', primary: true } } });
  const note = new EntitySchema<Note>({
    name: 'note',
    columns: { id: { type: 'int', primary: true, generated: 'increment' }, text: { type: 'text' } },
  });
  return { author, book, tag, note, all: [author, book, tag, note] as EntitySchema[] };
}
