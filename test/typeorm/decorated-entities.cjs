// What TypeScript makes of decorated classes under "module": "commonjs" with "experimentalDecorators", written out: the tests' own compiler makes none.
const decorate = (decorators, target, key) => {
  for (const decorator of decorators.reverse()) decorator(target, key);
};

/** Entities on the base class, with listeners that write, a subscriber of the application's own, an embedded and an inherited table. */
exports.decoratedEntities = (typeorm) => {
  const {
    Column,
    Entity,
    BaseEntity,
    PrimaryGeneratedColumn,
    ManyToOne,
    OneToMany,
    AfterInsert,
    AfterUpdate,
  } = typeorm;
  const { ChildEntity, EventSubscriber, TableInheritance } = typeorm;

  class Place {}
  decorate([Column('text', { nullable: true })], Place.prototype, 'city');

  class Log extends BaseEntity {}
  decorate([PrimaryGeneratedColumn()], Log.prototype, 'id');
  decorate([Column('text')], Log.prototype, 'line');
  decorate([Entity()], Log);

  class Person extends BaseEntity {
    logInsert() {
      return Log.insert({ line: `inserted ${this.name}` });
    }
    logUpdate() {
      return Log.insert({ line: `updated ${this.name}` });
    }
  }
  decorate([PrimaryGeneratedColumn()], Person.prototype, 'id');
  decorate([Column('text')], Person.prototype, 'name');
  decorate([Column(() => Place)], Person.prototype, 'place');
  decorate(
    [
      OneToMany(
        () => Person,
        (person) => person.chief,
        { cascade: true },
      ),
    ],
    Person.prototype,
    'staff',
  );
  decorate(
    [
      ManyToOne(
        () => Person,
        (person) => person.staff,
      ),
    ],
    Person.prototype,
    'chief',
  );
  decorate([AfterInsert()], Person.prototype, 'logInsert');
  decorate([AfterUpdate()], Person.prototype, 'logUpdate');
  decorate([Entity(), TableInheritance({ column: { type: 'varchar', name: 'kind' } })], Person);

  class Clerk extends Person {}
  decorate([Column('int', { nullable: true })], Clerk.prototype, 'desk');
  decorate([ChildEntity()], Clerk);

  class OwnSubscriber {
    listenTo() {
      return Clerk;
    }
    async beforeUpdate({ manager, entity }) {
      await manager.save(Log, { line: `will update ${entity.name}` });
    }
  }
  decorate([EventSubscriber()], OwnSubscriber);

  return { Person, Clerk, Log, OwnSubscriber };
};
